/** A response that undici reads, with the head in the form of Node's HTTP client. */
import type { Answer, AnswerHead, AnswerReader } from '../engine.js';
import type { Controller } from './undici-connections.js';

export interface UndiciAnswerParts {
  readonly controller: Controller;
  readonly status: number;
  readonly reason: string | undefined;
  readonly call: {
    /** No event of the call follows. */
    detach(): void;
    /** Closes the connection. */
    close(): void;
  };
}

export class UndiciAnswer implements Answer {
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly rawHeaders: string[];
  readonly headers: AnswerHead['headers'];
  complete = false;
  #reader: AnswerReader | undefined;

  constructor(private readonly parts: UndiciAnswerParts) {
    this.statusCode = parts.status;
    this.statusMessage = parts.reason ?? '';
    this.rawHeaders = textsOf(parts.controller.rawHeaders);
    this.headers = viewOf(this.rawHeaders);
  }

  read(reader: AnswerReader): void {
    this.#reader = reader;
  }

  data(chunk: Buffer): void {
    if (this.#reader?.data(chunk) === false) this.parts.controller.pause();
  }

  end(): void {
    this.complete = true;
    this.#reader?.end();
  }

  resume(): void {
    this.parts.controller.resume();
  }

  detach(): void {
    this.parts.call.detach();
  }

  destroy(): void {
    if (!this.complete) this.parts.call.close();
  }
}

/** Each byte of a field is one character, as in Node's `rawHeaders`. */
function textsOf(raw: Controller['rawHeaders']): string[] {
  if (!Array.isArray(raw)) throw new TypeError('undici gave no raw headers');
  return raw.map((each) => (typeof each === 'string' ? each : each.toString('latin1')));
}

/** Node's rule for repeated fields: lists are joined, and of a single value the first is kept. */
function viewOf(raw: readonly string[]): AnswerHead['headers'] {
  const view: Record<string, string> = {};
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const { length } = raw[at] as string;
    if (length !== 10 && length !== 12 && length !== 14 && length !== 17) continue;
    const name = (raw[at] as string).toLowerCase();
    const known = view[name];
    if (known === undefined) view[name] = raw[at + 1] as string;
    else if (name === 'connection' || name === 'transfer-encoding') view[name] = `${known}, ${raw[at + 1]}`;
  }
  return view;
}
