/** The form of a rule's page: why the rule is there, a file that breaks it, and the same file corrected. */

export interface RulePage {
  /** Why it matters, in one or two sentences. */
  readonly why: string;
  /** A file that causes exactly this rule, and a file without any finding. Absent: no such file is known. */
  readonly example?: RuleExample;
}

export interface RuleExample {
  readonly wrong: string;
  readonly right: string;
  /** The file that is in use, where the rule compares the new file with it. */
  readonly before?: string;
  /** Files beside the example: the name, and what the file holds. */
  readonly files?: Readonly<Record<string, ExampleFile>>;
}

/** What a file beside an example holds. */
export type ExampleFile =
  | 'an empty file'
  | 'a text without a PEM block'
  | 'a secret that every user of the machine can read'
  | 'a secret that only its owner can read'
  | 'a text of two lines'
  | 'a WebAssembly module without the functions of a plugin'
  | 'the example plugin in Rust'
  | 'a certificate that is valid for a year'
  | 'the key of the certificate'
  | 'a certificate that ended yesterday'
  | 'the key of the certificate that ended'
  | 'the certificate of an authority'
  | 'the certificate of another authority'
  | 'the revocation list of the authority';

export function page(why: string, wrong: string, right: string, more: Partial<RuleExample> = {}): RulePage {
  return { why, example: { wrong: trimmed(wrong), right: trimmed(right), ...more } };
}

/** A page of a rule that no known file causes. */
export const bare = (why: string): RulePage => ({ why });

const trimmed = (text: string): string => `${text.trim()}\n`;

/** An API key from a variable, as a line of `middleware.auth`. */
export const API_KEY = 'api_key: { keys: [{ key: "${ORDERS_KEY}", name: orders }] }';

/** A file of a host, with these lines in `middleware.auth`. */
export const auth = (...lines: readonly string[]): string =>
  `middleware:\n  auth:\n${lines.map((line) => `    ${line}\n`).join('')}`;

/** A file of a host whose API keys guard all. */
export const KEYS_GUARD_ALL = auth(API_KEY, 'chain: [api_key]');
