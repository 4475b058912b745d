/** A worker's end of the channel between workers: its questions, its answers, and the topics that workers follow. */
import { LocalChannel } from '../admin/worker-channel.js';
import type {
  Answerer,
  Follower,
  Question,
  Source,
  Topic,
  WorkerAnswers,
  WorkerChannel,
  WorkerQuestions,
} from '../admin/worker-channel.js';
import { isOrder, tell, type Order } from './worker-messages.js';

/** The primary waits for two seconds itself, and it may be busy. */
const ANSWER_TIMEOUT_MS = 5_000;

interface Collected {
  readonly answers: readonly unknown[];
  readonly missing: readonly string[];
}

const SILENT_PRIMARY: Collected = { answers: [], missing: ['the other workers: the primary process did not answer'] };

export class SharedChannel implements WorkerChannel {
  readonly #own = new LocalChannel();
  readonly #waiting = new Map<number, (collected: Collected) => void>();
  /** The followers of this process that receive the items of other workers. */
  readonly #followers = new Map<string, Set<(items: readonly unknown[], dropped: number) => void>>();
  readonly #published = new Map<string, () => void>();
  #lastId = 0;

  constructor() {
    process.on('message', (message) => {
      if (isOrder(message)) this.#obey(message);
    });
  }

  async ask<Q extends Question>(question: Q, input: WorkerQuestions[Q]['input']): Promise<WorkerAnswers<Q>> {
    const [own, others] = await Promise.all([this.#own.ask(question, input), this.#askOthers(question, input)]);
    const answers = others.answers as readonly WorkerQuestions[Q]['answer'][];
    return { answers: [...own.answers, ...answers], missing: others.missing };
  }

  answer<Q extends Question>(question: Q, answerer: Answerer<Q>): void {
    this.#own.answer(question, answerer);
  }

  follow<T extends Topic>(topic: T, follower: Follower<T>): () => void {
    const followers = this.#followers.get(topic) ?? new Set();
    this.#followers.set(topic, followers);
    const given = follower as (items: readonly unknown[], dropped: number) => void;
    followers.add(given);
    if (followers.size === 1) tell({ kind: 'follow', topic, on: true });
    const leave = this.#own.follow(topic, follower);
    return () => {
      leave();
      if (followers.delete(given) && followers.size === 0) tell({ kind: 'follow', topic, on: false });
    };
  }

  source<T extends Topic>(topic: T, source: Source<T>): void {
    this.#own.source(topic, source);
  }

  #obey(order: Order): void {
    if (order.kind === 'asked') void this.#answer(order);
    if (order.kind === 'answers') this.#waiting.get(order.id)?.(order);
    if (order.kind === 'publish') this.#publish(order.topic, order.on);
    if (order.kind === 'items') this.#followers.get(order.topic)?.forEach((each) => each(order.items, order.dropped));
  }

  async #answer({ id, question, input }: Extract<Order, { kind: 'asked' }>): Promise<void> {
    try {
      tell({ kind: 'answered', id, answer: await this.#own.answerHere(question, input) });
    } catch {
      // The page names this worker among those that did not answer.
      tell({ kind: 'unanswered', id });
    }
  }

  #askOthers(question: Question, input: unknown): Promise<Collected> {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      const settle = (collected: Collected): void => {
        clearTimeout(late);
        this.#waiting.delete(id);
        resolve(collected);
      };
      const late = setTimeout(() => settle(SILENT_PRIMARY), ANSWER_TIMEOUT_MS);
      this.#waiting.set(id, settle);
      tell({ kind: 'ask', id, question, input });
    });
  }

  /** Another worker follows the topic, or no other worker follows it any more. */
  #publish(topic: string, on: boolean): void {
    if (on === this.#published.has(topic)) return;
    this.#published.get(topic)?.();
    this.#published.delete(topic);
    if (!on) return;
    const stop = this.#own.add(topic, (items, dropped) => tell({ kind: 'items', topic, items, dropped }));
    this.#published.set(topic, stop);
  }
}
