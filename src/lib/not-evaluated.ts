/** Marks a part of an explanation or evaluation that needs the network, a hash or code of others. */

/** What a decision would need. */
export type Need = 'key_set' | 'introspection' | 'key_store' | 'plugin' | 'host_strategy';

/**
 * The cause of an undecided verdict of an explanation, or thrown by the evaluation of a shadow file: no other method may
 * decide in its place. A request of a client never has it. The message names auth methods and options of the file, and no
 * credential.
 */
export class NotEvaluatedError extends Error {
  override readonly name = 'NotEvaluatedError';

  constructor(
    readonly need: Need | undefined,
    message: string,
  ) {
    super(message);
  }
}
