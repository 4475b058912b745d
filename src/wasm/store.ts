/**
 * The state that all threads of a plugin share. The gateway's thread holds it, so it survives a thread that had to be
 * stopped.
 */
import type { MessagePort } from 'node:worker_threads';
import { Status } from './abi.js';
import { WORD, type Numbered, type StoreAnswer, type StoreQuestion } from './channel.js';
import { Queues } from './queues.js';
import { SharedData } from './shared-data.js';

export class PluginStore {
  readonly #shared = new SharedData();
  readonly #queues = new Queues();
  /** Threads by the token of a queue that they registered. */
  readonly #listening = new Map<number, Set<MessagePort>>();

  /** Answers one thread. The thread waits on `words`, and receives queue notifications through `thread`. */
  serve(port: MessagePort, { words, thread }: { readonly words: Int32Array; readonly thread: MessagePort }): void {
    port.on('message', (question: StoreQuestion & Numbered) => {
      port.postMessage({ ...this.#answer(question, thread), serial: question.serial });
      Atomics.store(words, WORD.store, 1);
      Atomics.notify(words, WORD.store);
    });
  }

  forget(thread: MessagePort): void {
    for (const threads of this.#listening.values()) threads.delete(thread);
  }

  #answer(question: StoreQuestion, thread: MessagePort): StoreAnswer {
    switch (question.op) {
      case 'get': {
        const entry = this.#shared.get(question.key);
        return { bytes: entry?.value, number: entry?.cas };
      }
      case 'set':
        return { number: this.#shared.set(question.key, Buffer.from(question.value), question.cas) };
      case 'register': {
        const token = this.#queues.register(question.name);
        this.#listening.set(token, (this.#listening.get(token) ?? new Set()).add(thread));
        return { number: token };
      }
      case 'resolve':
        return { number: this.#queues.resolve(question.name) };
      case 'enqueue': {
        const { token } = question;
        const status = this.#queues.enqueue(token, Buffer.from(question.item));
        if (status === Status.Ok)
          this.#listening.get(token)?.forEach((each) => each.postMessage({ kind: 'queued', token }));
        return { number: status };
      }
      case 'dequeue': {
        const item = this.#queues.dequeue(question.token);
        return typeof item === 'number' ? { number: item } : { bytes: item };
      }
    }
  }
}
