/** Why Redis gave no answer that counts: a closed set for logs and metrics, and whether the next question would fare better. */

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

/** Of one key or one command: the next one may be answered. */
const OF_ONE_COMMAND: ReadonlySet<RedisFaultReason> = new Set(['wrong_type', 'other', 'down']);

export class RedisFault extends Error {
  override readonly name = 'RedisFault';

  constructor(readonly reason: RedisFaultReason) {
    super(`Redis: ${reason.replaceAll('_', ' ')}`);
  }

  /** Whether Redis as a whole is of no use now. */
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

/** Of an error of the client: its words alone, because it carries the arguments of the command, a password among them. */
export function redisFaultOf(error: unknown): RedisFault {
  if (error instanceof RedisFault) return error;
  const { message = '', name = '', lastNodeError } = error as Partial<Error & { lastNodeError: unknown }>;
  // The words of a script's error stand behind those of the script, in Redis before 7.
  const words = message.replace(/^ERR Error running script [^:]*: @\w+:\d+: /, '');
  const known = WORDS.find(([pattern]) => pattern.test(words))?.[1];
  if (known) return new RedisFault(known);
  if (lastNodeError !== undefined) return redisFaultOf(lastNodeError);
  return new RedisFault(name === 'ReplyError' ? 'other' : 'closed');
}

/** Whether the script is not known there yet. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
