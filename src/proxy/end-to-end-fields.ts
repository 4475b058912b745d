/** Reads an upstream's response head: the fields that may travel on, checked, and none that end at this hop. */
import { validateHeaderName, validateHeaderValue, type IncomingMessage } from 'node:http';
import { familyOf, HOP_BY_HOP } from '../http/header-policy.js';
import { UpstreamInvalid } from './failure.js';

export type Field = readonly [name: string, values: readonly string[]];

/**
 * Removes what belongs to the client's connection. Framing stays: without it Node sends a GET's body raw. `Expect` goes:
 * the client's expectation was met by us, and httpxy fires no `proxyReq` while the field stands.
 */
export function dropHopByHop(req: IncomingMessage): void {
  const { headers } = req;
  // Deleting what is not there costs more than asking.
  for (const name of HOP_BY_HOP) if (name in headers) delete headers[name];
}

/** The end-to-end fields of a response, in order, repeated ones kept apart. Throws on what HTTP cannot carry. */
export function endToEndFields(message: IncomingMessage): Field[] {
  const coding = message.headers['transfer-encoding'];
  // Chunks are undone here. Under any other coding the body would go on, and the field that says how to read it would not.
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') throw new UpstreamInvalid('transfer coding');
  const named = namedByConnection(message);
  // Two framings: the chunked one was read, so the length says nothing (RFC 9112 §6.3).
  const lengthSaysNothing = coding !== undefined || message.statusCode === 204;
  const fields = new Map<string, [string, string[]]>();
  for (let at = 0; at + 1 < message.rawHeaders.length; at += 2) {
    const name = message.rawHeaders[at] as string;
    const value = message.rawHeaders[at + 1] as string;
    const key = name.toLowerCase();
    if (endsHere(key) || named?.has(key)) continue;
    if (lengthSaysNothing && key === 'content-length') continue;
    validateHeaderName(name);
    validateHeaderValue(name, value);
    const known = fields.get(key);
    if (known) known[1].push(value);
    else fields.set(key, [name, [value]]);
  }
  return [...fields.values()];
}

/** Chunks are undone here, so that the field which names them ends here too. */
function endsHere(name: string): boolean {
  const family = familyOf(name);
  return family?.perHop === true && (family.passage === 'never' || name === 'transfer-encoding');
}

/** Undefined for what nearly all upstreams say. */
function namedByConnection({ headers: { connection } }: IncomingMessage): ReadonlySet<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined;
  return new Set(connection.split(',').map((token) => token.trim().toLowerCase()));
}

/** The reason phrase, or nothing where the upstream's cannot be sent. */
export function reasonPhrase(message: IncomingMessage): string | undefined {
  const { statusMessage } = message;
  return statusMessage && /^[\t\x20-\x7e]+$/.test(statusMessage) ? statusMessage : undefined;
}
