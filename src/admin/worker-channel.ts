/**
 * Defines how the process that serves an admin page asks every process of the gateway, and follows what they publish.
 * `serve/` has the channel between workers. A gateway without workers has only the `LocalChannel`.
 */
import type { MaybePromise } from '../lib/types.js';
import type { ComparisonOutcome } from '../difference/comparison-outcome.js';
import type { ReloadState } from '../difference/reload-record.js';
import type { DecisionQuery, DecisionRecord } from '../observe/decision-record.js';
import type { ProcessStatus } from './process-status.js';
import type { ShadowReport } from '../runtime/shadow/report.js';

/** Every question, with its input and its answer. Both are plain values: they are sent as JSON. */
export interface WorkerQuestions {
  decisions: { readonly input: DecisionQuery; readonly answer: readonly DecisionRecord[] };
  status: { readonly input: object; readonly answer: ProcessStatus };
  difference: { readonly input: unknown; readonly answer: ComparisonOutcome };
  reloads: { readonly input: null; readonly answer: ReloadState };
  shadow: { readonly input: object; readonly answer: ShadowReport };
}

/** Every topic that processes publish, with one item of it. */
export interface WorkerTopics {
  decisions: DecisionRecord;
}

export type Question = keyof WorkerQuestions;
export type Topic = keyof WorkerTopics;

export interface WorkerAnswers<Q extends Question> {
  readonly answers: readonly WorkerQuestions[Q]['answer'][];
  /** The processes that did not answer in time, such as `worker 2`. */
  readonly missing: readonly string[];
}

/** Receives items of a topic. `dropped`: items that were left out because there were too many. */
export type Follower<T extends Topic> = (items: readonly WorkerTopics[T][], dropped: number) => void;

export type Answerer<Q extends Question> = (
  input: WorkerQuestions[Q]['input'],
) => MaybePromise<WorkerQuestions[Q]['answer']>;

/** Called when the first follower of a topic arrives. Returns the function that ends the source. */
export type Source<T extends Topic> = (
  publish: (items: readonly WorkerTopics[T][], dropped: number) => void,
) => () => void;

/**
 * Asks and follows all processes.
 *
 * @example
 * channel.answer('decisions', (query) => decisions.find(query));
 * const { answers, missing } = await channel.ask('decisions', { limit: 20 });
 */
export interface WorkerChannel {
  /** Never rejects because of a worker: a worker without an answer is in `missing`. */
  ask<Q extends Question>(question: Q, input: WorkerQuestions[Q]['input']): Promise<WorkerAnswers<Q>>;
  /** Registers how this process answers a question. */
  answer<Q extends Question>(question: Q, answerer: Answerer<Q>): void;
  /** Returns the function that ends it. */
  follow<T extends Topic>(topic: T, follower: Follower<T>): () => void;
  /** Registers what this process publishes, while a process follows it. */
  source<T extends Topic>(topic: T, source: Source<T>): void;
}

type AnyFollower = (items: readonly unknown[], dropped: number) => void;
type AnySource = (publish: AnyFollower) => () => void;

/** The channel within one process. */
export class LocalChannel implements WorkerChannel {
  readonly #answerers = new Map<string, (input: unknown) => unknown>();
  readonly #sources = new Map<string, AnySource>();
  readonly #followers = new Map<string, Set<AnyFollower>>();
  readonly #running = new Map<string, () => void>();

  async ask<Q extends Question>(question: Q, input: WorkerQuestions[Q]['input']): Promise<WorkerAnswers<Q>> {
    return { answers: [(await this.answerHere(question, input)) as WorkerQuestions[Q]['answer']], missing: [] };
  }

  answer<Q extends Question>(question: Q, answerer: Answerer<Q>): void {
    this.#answerers.set(question, answerer);
  }

  /** Throws or rejects if this process cannot answer. */
  answerHere(question: string, input: unknown): unknown {
    const answerer = this.#answerers.get(question);
    if (!answerer) throw new TypeError(`no part of this process answers ${JSON.stringify(question)}`);
    return answerer(input);
  }

  follow<T extends Topic>(topic: T, follower: Follower<T>): () => void {
    return this.add(topic, follower as AnyFollower);
  }

  /** As `follow`, for another process too. */
  add(topic: string, follower: AnyFollower): () => void {
    const followers = this.#followers.get(topic) ?? new Set();
    this.#followers.set(topic, followers.add(follower));
    this.#start(topic);
    return () => {
      followers.delete(follower);
      if (followers.size > 0) return;
      this.#running.get(topic)?.();
      this.#running.delete(topic);
    };
  }

  source<T extends Topic>(topic: T, source: Source<T>): void {
    this.#sources.set(topic, source);
    if ((this.#followers.get(topic)?.size ?? 0) > 0) this.#start(topic);
  }

  #start(topic: string): void {
    const source = this.#sources.get(topic);
    if (!source || this.#running.has(topic)) return;
    this.#running.set(
      topic,
      source((items, dropped) => this.#followers.get(topic)?.forEach((each) => each(items, dropped))),
    );
  }
}
