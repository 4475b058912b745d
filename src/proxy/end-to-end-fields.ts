/** Reads an upstream's response head: validates the end-to-end fields and drops the hop-by-hop fields. */
import { validateHeaderName, validateHeaderValue, type IncomingMessage } from 'node:http';
import { familyOf, HOP_BY_HOP } from '../http/header-policy.js';
import type { AnswerHead } from './engine.js';
import { UpstreamInvalid } from './failure.js';

/** One field. A repeated field has a list of values. */
export type Field = readonly [name: string, value: string | readonly string[]];

/**
 * Removes the hop-by-hop fields of the client's connection. The framing fields stay: without them Node sends the body
 * of a GET raw. `Expect` is removed: this gateway met the expectation. With this field httpxy emits no `proxyReq`, and
 * undici refuses the request.
 */
export function dropHopByHop(req: IncomingMessage): void {
  const { headers } = req;
  // Deleting an absent field costs more than a check for it.
  for (const name of HOP_BY_HOP) if (name in headers) delete headers[name];
}

/**
 * Returns the end-to-end fields of a response, in order, with repeated fields separate. Throws if HTTP cannot carry a
 * field.
 */
export function endToEndFields(message: AnswerHead): readonly Field[] {
  const coding = message.headers['transfer-encoding'];
  // Node decodes the chunked coding. Any other coding would reach the client without its `Transfer-Encoding` field.
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') throw new UpstreamInvalid('transfer coding');
  const named = namedByConnection(message);
  // The message has two framings. Node read the chunked framing, so the length is invalid (RFC 9112 §6.3).
  const lengthSaysNothing = coding !== undefined || message.statusCode === 204;
  const fields = new FieldList();
  for (let at = 0; at + 1 < message.rawHeaders.length; at += 2) {
    const name = message.rawHeaders[at] as string;
    const value = message.rawHeaders[at + 1] as string;
    const key = name.toLowerCase();
    if (endsHere(key) || named?.has(key)) continue;
    if (lengthSaysNothing && key === 'content-length') continue;
    validateHeaderName(name);
    validateHeaderValue(name, value);
    fields.add(key, name, value);
  }
  return fields.all;
}

/** A response has few fields, and a search among few is faster than a Map. */
const FEW = 32;

/** Fields in order, by their names in lower case. */
class FieldList {
  readonly all: [string, string | string[]][] = [];
  readonly #keys: string[] = [];
  #indexes: Map<string, number> | undefined;

  add(key: string, name: string, value: string): void {
    const index = this.#indexes ? (this.#indexes.get(key) ?? -1) : this.#keys.indexOf(key);
    const known = this.all[index];
    if (known) {
      if (typeof known[1] === 'string') known[1] = [known[1], value];
      else known[1].push(value);
      return;
    }
    this.#keys.push(key);
    this.all.push([name, value]);
    if (this.#indexes) this.#indexes.set(key, this.all.length - 1);
    else if (this.all.length === FEW) this.#indexes = new Map(this.#keys.map((each, at) => [each, at]));
  }
}

/** Node decodes the chunked coding, so `Transfer-Encoding` is not forwarded. */
function endsHere(name: string): boolean {
  const family = familyOf(name);
  return family?.perHop === true && (family.passage === 'never' || name === 'transfer-encoding');
}

/** Returns undefined for the usual values, so that most responses cost nothing. */
function namedByConnection({ headers: { connection } }: AnswerHead): ReadonlySet<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined;
  return new Set(connection.split(',').map((token) => token.trim().toLowerCase()));
}

/** Returns the reason phrase, or undefined if the upstream's phrase is not valid. */
export function reasonPhrase(message: AnswerHead): string | undefined {
  const { statusMessage } = message;
  return statusMessage && /^[\t\x20-\x7e]+$/.test(statusMessage) ? statusMessage : undefined;
}
