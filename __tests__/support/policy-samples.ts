/** Names of the header policy for tests: every entry of the table, and for each prefix one name that begins with it. */
import { FAMILIES, type Family } from '../../src/http/header-policy.js';

export interface Sample {
  readonly name: string;
  readonly family: Family;
}

/** `$WSRU` folds to `-wsru`. The names of `Object.prototype` that fold with a separator are kept. */
export const SAMPLES: readonly Sample[] = FAMILIES.flatMap((family) =>
  [...family.names, ...family.prefixes.map((each) => `${each}sample`)].map((name) => ({ name, family })),
);

/** Names that Node's own parser or the handshake acts on. Such a field cannot be sent with any value. */
export const ACTED_ON: ReadonlySet<string> = new Set([
  ...['host', 'content-length', 'transfer-encoding', 'connection', 'trailer', 'upgrade', 'expect'],
  ...['sec-websocket-key', 'sec-websocket-version', 'sec-websocket-protocol', 'http2-settings'],
]);

/** The names in one of the passages that a client can send. */
export const sendable = (...passages: readonly Family['passage'][]): readonly string[] =>
  SAMPLES.filter(({ name, family }) => passages.includes(family.passage) && !ACTED_ON.has(name)).map(
    ({ name }) => name,
  );

/** Lists of at most 40: a request has at most 100 fields. */
export function inBatches(names: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(names.length / 40) }, (_, at) => names.slice(at * 40, at * 40 + 40));
}

/** Other spellings that CGI and similar interfaces read as the same name. */
export const SPELLINGS: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => name.toUpperCase(),
  (name) => name.replaceAll('-', '_'),
  (name) => name.replaceAll('-', '.').toUpperCase(),
];
