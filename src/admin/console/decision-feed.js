/** The decisions as they come: the history once, then the stream, in one batch for each frame of the screen. */
// @ts-check
import { decisionOf } from './decision.js';
import { follow } from './event-stream.js';

/** @typedef {import('./decision.js').Decision} Decision */

/**
 * @typedef {object} Listener
 * @property {(decisions: readonly Decision[], isHistory: boolean) => void} decisions The newest last.
 * @property {(decision: Decision) => void} seen Called for each decision of the stream, also if it is never shown.
 * @property {(state: import('./event-stream.js').StreamState | 'paused') => void} state
 * @property {(count: number) => void} dropped Decisions that the gateway did not send, because there were too many.
 * @property {(error: unknown) => void} failed
 */

/** The most decisions that wait for the next frame, or for the end of a pause. */
const MOST_WAITING = 2_000;
/** The most decisions of the past that the gateway sends. */
const HISTORY = 1_000;
/** A hidden page has no frames. */
const LATEST_MS = 1_000;

export class DecisionFeed {
  #end = new AbortController();
  /** @type {Decision[]} */
  #waiting = [];
  #paused = false;
  /** @type {import('./event-stream.js').StreamState} */
  #state = 'connecting';
  #frame = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #late;

  /**
   * @param {import('./session.js').Session} session
   * @param {Listener} listener
   */
  constructor(session, listener) {
    this.session = session;
    this.listener = listener;
  }

  start() {
    void this.#run();
  }

  stop() {
    this.#end.abort();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#late);
  }

  /** @param {boolean} paused */
  pause(paused) {
    this.#paused = paused;
    this.listener.state(paused ? 'paused' : this.#state);
    if (!paused) this.#flush();
  }

  async #run() {
    const { signal } = this.#end;
    try {
      await follow(this.session, 'decisions/stream', {
        signal,
        state: (state) => {
          this.#state = state;
          if (!this.#paused) this.listener.state(state);
          // The stream begins now. What came before it, or while it was broken, is in the history.
          if (state === 'open') void this.#history();
        },
        event: ({ event, data }) => {
          if (event === 'decision') this.#push(decisionOf(JSON.parse(data)));
          if (event === 'dropped') this.listener.dropped(Number(JSON.parse(data).count) || 0);
        },
      });
    } catch (error) {
      if (!signal.aborted) this.listener.failed(error);
    }
  }

  async #history() {
    try {
      const { decisions } = await this.session.get(`decisions?limit=${HISTORY}`);
      if (!this.#end.signal.aborted) this.listener.decisions(decisions.map(decisionOf).reverse(), true);
    } catch (error) {
      if (!this.#end.signal.aborted) this.listener.failed(error);
    }
  }

  /** @param {Decision} decision */
  #push(decision) {
    this.listener.seen(decision);
    this.#waiting.push(decision);
    if (this.#waiting.length > 2 * MOST_WAITING) this.#waiting = this.#waiting.slice(-MOST_WAITING);
    if (this.#paused || this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => this.#flush());
    this.#late = setTimeout(() => this.#flush(), LATEST_MS);
  }

  #flush() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#late);
    this.#frame = 0;
    const fresh = this.#waiting.splice(0);
    if (fresh.length > 0) this.listener.decisions(fresh, false);
  }
}
