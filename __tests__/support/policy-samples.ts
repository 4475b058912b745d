/** Names of the header policy for tests: every entry of the table, a prefix as one name that begins with it. */
import { FAMILIES, type Family } from '../../src/http/header-policy.js';

export interface Sample {
  readonly name: string;
  readonly family: Family;
}

/** `$WSRU` folds to `-wsru`; the names of `Object.prototype` that fold with a mark stand for themselves. */
export const SAMPLES: readonly Sample[] = FAMILIES.flatMap((family) =>
  [...family.names, ...family.prefixes.map((each) => `${each}sample`)].map((name) => ({ name, family })),
);

/** What Node's own parser or the handshake itself acts on: such a field cannot be sent with any value. */
export const ACTED_ON: ReadonlySet<string> = new Set([
  ...['host', 'content-length', 'transfer-encoding', 'connection', 'trailer', 'upgrade', 'expect'],
  ...['sec-websocket-key', 'sec-websocket-version', 'sec-websocket-protocol', 'http2-settings'],
]);

/** The names that a client can send, of one of the passages. */
export const sendable = (...passages: readonly Family['passage'][]): readonly string[] =>
  SAMPLES.filter(({ name, family }) => passages.includes(family.passage) && !ACTED_ON.has(name)).map(
    ({ name }) => name,
  );

/** Lists of at most 40: a request has at most 100 fields. */
export function inBatches(names: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(names.length / 40) }, (_, at) => names.slice(at * 40, at * 40 + 40));
}

/** Other spellings that CGI and its kin read as the same name. */
export const SPELLINGS: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => name.toUpperCase(),
  (name) => name.replaceAll('-', '_'),
  (name) => name.replaceAll('-', '.').toUpperCase(),
];
