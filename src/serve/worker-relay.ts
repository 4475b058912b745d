/** The primary's part of the channel between workers: it passes on questions, answers and published items. */
import type { Worker } from 'node:cluster';
import { send, type Notice } from './worker-messages.js';

/** A worker that takes longer is reported as missing. */
const ANSWER_TIMEOUT_MS = 2_000;
/** Questions of one worker that wait at the same time. */
const MAX_QUESTIONS = 32;
/** Messages with items that a worker has not read yet. Further items are dropped and counted. */
const MAX_UNREAD = 32;

export type ChannelNotice = Extract<Notice, { kind: 'ask' | 'answered' | 'unanswered' | 'follow' | 'items' }>;

/** Whether the relay handles the message. */
export function isOfChannel(notice: Notice): notice is ChannelNotice {
  return ['ask', 'answered', 'unanswered', 'follow', 'items'].includes(notice.kind);
}

interface Pending {
  readonly asker: Worker;
  readonly askerId: number;
  readonly missing: Set<Worker>;
  readonly failed: Worker[];
  readonly answers: unknown[];
  readonly late: NodeJS.Timeout;
}

export class WorkerRelay {
  readonly #pending = new Map<number, Pending>();
  readonly #followers = new Map<string, Set<Worker>>();
  readonly #unread = new Map<Worker, { messages: number; dropped: number }>();
  #lastId = 0;

  /** `serving` returns the workers that accept connections now. */
  constructor(private readonly serving: () => readonly Worker[]) {}

  receive(notice: ChannelNotice, from: Worker): void {
    if (notice.kind === 'ask') this.#ask(notice, from);
    else if (notice.kind === 'follow') this.#follow(notice.topic, from, notice.on);
    else if (notice.kind === 'items') this.#pass(notice, from);
    else this.#settle(notice, from);
  }

  /** A new worker publishes what other workers follow. */
  joined(worker: Worker): void {
    for (const [topic, followers] of this.#followers)
      if (followers.size > 0) send(worker, { kind: 'publish', topic, on: true });
  }

  ended(worker: Worker): void {
    for (const topic of this.#followers.keys()) this.#follow(topic, worker, false);
    this.#unread.delete(worker);
    for (const [id, pending] of this.#pending) {
      if (pending.asker === worker) this.#forget(id, pending);
      else this.#settle({ kind: 'unanswered', id }, worker);
    }
  }

  #ask({ id: askerId, question, input }: Extract<Notice, { kind: 'ask' }>, asker: Worker): void {
    const others = this.serving().filter((worker) => worker !== asker);
    const open = [...this.#pending.values()].filter((each) => each.asker === asker).length;
    if (others.length === 0 || open >= MAX_QUESTIONS) {
      send(asker, { kind: 'answers', id: askerId, answers: [], missing: others.map(nameOf) });
      return;
    }
    const id = ++this.#lastId;
    const late = setTimeout(() => this.#finish(id), ANSWER_TIMEOUT_MS);
    this.#pending.set(id, { asker, askerId, missing: new Set(others), failed: [], answers: [], late });
    for (const worker of others) send(worker, { kind: 'asked', id, question, input });
  }

  #settle(notice: Extract<Notice, { kind: 'answered' | 'unanswered' }>, from: Worker): void {
    const pending = this.#pending.get(notice.id);
    if (!pending?.missing.delete(from)) return;
    if (notice.kind === 'answered') pending.answers.push(notice.answer);
    else pending.failed.push(from);
    if (pending.missing.size === 0) this.#finish(notice.id);
  }

  #finish(id: number): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#forget(id, pending);
    const { asker, askerId, answers } = pending;
    const missing = [...pending.failed, ...pending.missing].map(nameOf);
    send(asker, { kind: 'answers', id: askerId, answers, missing });
  }

  #forget(id: number, { late }: Pending): void {
    clearTimeout(late);
    this.#pending.delete(id);
  }

  #follow(topic: string, from: Worker, on: boolean): void {
    const followers = this.#followers.get(topic) ?? new Set();
    this.#followers.set(topic, followers);
    if (on === followers.has(from)) return;
    if (on) followers.add(from);
    else followers.delete(from);
    for (const worker of this.serving())
      send(worker, { kind: 'publish', topic, on: followersBeside(followers, worker) });
  }

  /** A worker that reads slowly must not make this process hold more and more. */
  #pass({ topic, items, dropped }: Extract<Notice, { kind: 'items' }>, from: Worker): void {
    for (const worker of this.#followers.get(topic) ?? []) {
      if (worker === from) continue;
      const unread = this.#unread.get(worker) ?? { messages: 0, dropped: 0 };
      this.#unread.set(worker, unread);
      if (unread.messages >= MAX_UNREAD) {
        unread.dropped += items.length + dropped;
        continue;
      }
      unread.messages += 1;
      const order = { kind: 'items' as const, topic, items, dropped: dropped + unread.dropped };
      unread.dropped = 0;
      send(worker, order, () => (unread.messages -= 1));
    }
  }
}

const nameOf = ({ id }: Worker): string => `worker ${id}`;

function followersBeside(followers: ReadonlySet<Worker>, worker: Worker): boolean {
  return followers.size > (followers.has(worker) ? 1 : 0);
}
