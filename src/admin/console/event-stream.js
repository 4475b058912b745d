/** Reads a stream of events (SSE) by `fetch`, because an `EventSource` cannot send a credential. */
// @ts-check
import { Refusal } from './session.js';

/** @typedef {{ readonly event: string, readonly data: string, readonly id: string }} StreamEvent */
/** @typedef {'connecting' | 'open' | 'waiting'} StreamState */

/**
 * @typedef {object} Follower
 * @property {(event: StreamEvent) => void} event
 * @property {(state: StreamState) => void} state
 * @property {AbortSignal} signal Ends the stream.
 */

/** The gateway sends a heartbeat more often. */
const SILENCE_MS = 45_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** A longer event is not one of the gateway. */
const LONGEST_EVENT = 1 << 20;

/**
 * Follows a stream until the signal. A stream that breaks is asked for again, later each time.
 *
 * @param {import('./session.js').Session} session
 * @param {string} path
 * @param {Follower} follower
 * @throws {Refusal} The page is refused or absent, so that another attempt would be too.
 */
export async function follow(session, path, follower) {
  let wait = FIRST_WAIT_MS;
  let last = '';
  while (!follower.signal.aborted) {
    follower.state('connecting');
    try {
      await readOnce(session, path, last, {
        ...follower,
        state: (state) => {
          wait = FIRST_WAIT_MS;
          follower.state(state);
        },
        event: (event) => {
          last = event.id;
          follower.event(event);
        },
      });
    } catch (error) {
      if (follower.signal.aborted) return;
      if (error instanceof Refusal && error.status >= 400 && error.status < 500 && error.status !== 429) throw error;
    }
    if (follower.signal.aborted) return;
    follower.state('waiting');
    await pause(wait * (0.5 + Math.random() / 2), follower.signal);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

/**
 * @param {import('./session.js').Session} session
 * @param {string} path
 * @param {string} last The id of the last event.
 * @param {Follower} follower
 */
async function readOnce(session, path, last, follower) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const signal = AbortSignal.any([follower.signal, silence.signal]);
  try {
    const headers = { Accept: 'text/event-stream', ...(last !== '' && { 'Last-Event-ID': last }) };
    const { body } = await session.ask(path, { headers, signal });
    if (!body) return;
    follower.state('open');
    const parser = new EventParser(follower.event);
    for await (const text of chunksOf(body.pipeThrough(new TextDecoderStream()))) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      parser.push(text);
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/**
 * Safari has no iterator of a stream.
 *
 * @param {ReadableStream<string>} stream
 */
async function* chunksOf(stream) {
  const reader = stream.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
}

/** The text of a stream as events, for any split into chunks. */
export class EventParser {
  #rest = '';
  /** @type {string[]} */
  #data = [];
  #event = 'message';
  #id = '';

  /** @param {(event: StreamEvent) => void} emit */
  constructor(emit) {
    this.emit = emit;
  }

  /** @param {string} text */
  push(text) {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > LONGEST_EVENT) throw new Error('the event is too long');
    for (const line of lines) this.#line(line.endsWith('\r') ? line.slice(0, -1) : line);
  }

  /** @param {string} line */
  #line(line) {
    if (line === '') return this.#end();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id') this.#id = value;
  }

  #end() {
    const [data, event] = [this.#data, this.#event];
    this.#data = [];
    this.#event = 'message';
    if (data.length > 0) this.emit({ event, data: data.join('\n'), id: this.#id });
  }
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve(undefined);
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
