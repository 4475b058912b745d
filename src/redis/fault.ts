/** The reasons why Redis gave no usable answer: a closed set for logs and metrics. */

export type RedisFaultReason =
  | 'down'
  | 'timeout'
  | 'closed'
  | 'auth'
  | 'read_only'
  | 'loading'
  | 'out_of_memory'
  | 'cluster'
  | 'wrong_type'
  | 'other';

/** Faults of one key or one command; the next command may succeed. */
const OF_ONE_COMMAND: ReadonlySet<RedisFaultReason> = new Set(['wrong_type', 'other', 'down']);

export class RedisFault extends Error {
  override readonly name = 'RedisFault';

  constructor(readonly reason: RedisFaultReason) {
    super(`Redis: ${reason.replaceAll('_', ' ')}`);
  }

  /** Whether every command fails now. */
  get isOfServer(): boolean {
    return !OF_ONE_COMMAND.has(this.reason);
  }
}

const WORDS: readonly (readonly [RegExp, RedisFaultReason])[] = [
  [/^(?:NOAUTH|WRONGPASS|NOPERM)\b|^ERR (?:invalid password|AUTH)/, 'auth'],
  [/^(?:READONLY|NOREPLICAS|MISCONF)\b/, 'read_only'],
  [/^(?:LOADING|MASTERDOWN|BUSY)\b/, 'loading'],
  [/^OOM\b/, 'out_of_memory'],
  [/^(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN|CROSSSLOT)\b|cluster support disabled|slots cache|Too many Cluster/i, 'cluster'],
  [/^WRONGTYPE\b/, 'wrong_type'],
];

/** Reads only the message of a client error: the error carries the arguments of the command, such as a password. */
export function redisFaultOf(error: unknown): RedisFault {
  if (error instanceof RedisFault) return error;
  const { message = '', name = '', lastNodeError } = error as Partial<Error & { lastNodeError: unknown }>;
  // Redis before 7 puts the name of the script before the message of its error.
  const words = message.replace(/^ERR Error running script [^:]*: @\w+:\d+: /, '');
  const known = WORDS.find(([pattern]) => pattern.test(words))?.[1];
  if (known) return new RedisFault(known);
  if (lastNodeError !== undefined) return redisFaultOf(lastNodeError);
  return new RedisFault(name === 'ReplyError' ? 'other' : 'closed');
}

/** Whether the server does not know the script yet. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
