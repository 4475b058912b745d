/** Marks a part of an explanation that cannot be decided without the network or without code of others. */

/** What a decision would need. */
export type Need = 'key_set' | 'introspection' | 'plugin' | 'host_strategy';

/** The cause of an undecided verdict of an explanation. A request of a client never has it. */
export class NotEvaluatedError extends Error {
  override readonly name = 'NotEvaluatedError';

  constructor(
    readonly need: Need,
    message: string,
  ) {
    super(message);
  }
}
