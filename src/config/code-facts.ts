/** What the reference says about the code of a diagnostic. */

type Levels = 'error' | 'warning' | 'note' | 'error or warning';

export interface CodeFacts<Level extends Levels = Levels> {
  readonly level: Level;
  /** One sentence: what is wrong. */
  readonly meaning: string;
  /** One sentence: what to change. */
  readonly cure: string;
}

export function error(meaning: string, cure: string): CodeFacts<'error'> {
  return { level: 'error', meaning, cure };
}

export function warning(meaning: string, cure: string): CodeFacts<'warning'> {
  return { level: 'warning', meaning, cure };
}

/** Advice of `loom-auth check`, which fails nothing. */
export function note(meaning: string, cure: string): CodeFacts<'note'> {
  return { level: 'note', meaning, cure };
}

/** An error where it is certain, a warning where it may be meant. */
export function either(meaning: string, cure: string): CodeFacts<'error or warning'> {
  return { level: 'error or warning', meaning, cure };
}
