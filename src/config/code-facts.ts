/** What the reference says about the code of a diagnostic. */

export interface CodeFacts<
  Level extends 'error' | 'warning' | 'error or warning' = 'error' | 'warning' | 'error or warning',
> {
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

/** An error where it is certain, a warning where it may be meant. */
export function either(meaning: string, cure: string): CodeFacts<'error or warning'> {
  return { level: 'error or warning', meaning, cure };
}
