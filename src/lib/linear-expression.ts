/** Parses regular expressions for a matcher that never backtracks (`linear-matcher.ts`). */

/** The condition of a place between two characters. */
export type Assertion = 'start' | 'end' | 'boundary' | 'no_boundary';

export type Expression =
  | { readonly kind: 'atom'; readonly source: string }
  | { readonly kind: 'assertion'; readonly assertion: Assertion }
  | { readonly kind: 'sequence'; readonly of: readonly Expression[] }
  | { readonly kind: 'choice'; readonly of: readonly Expression[] }
  | { readonly kind: 'repetition'; readonly of: Expression; readonly min: number; readonly max: number };

const ASSERTIONS: Readonly<Record<string, Assertion>> = {
  '^': 'start',
  $: 'end',
  '\\b': 'boundary',
  '\\B': 'no_boundary',
};

const TOKEN =
  /(\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[\da-fA-F]{4}(?:\\u[\da-fA-F]{4})?|x[\da-fA-F]{2}|c[A-Za-z]|[^])|\[(?:\\[^]|[^\]\\])*\]|\(\?:|[^])([*+?]|\{\d+(?:,\d*)?\})?\??/gu;

interface Token {
  readonly source: string;
  readonly quantifier: string;
}

interface Open {
  readonly choices: Expression[][];
}

/**
 * Reads an expression that `new RegExp(source, 'u')` accepts, without look-around, back-references and named groups. A
 * lazy quantifier is read as a greedy one: both match the same whole values.
 */
export function parseExpression(source: string): Expression {
  const open: Open[] = [{ choices: [[]] }];
  const add = (part: Expression): void => void open.at(-1)?.choices.at(-1)?.push(part);
  for (const [, part = '', quantifier = ''] of source.matchAll(TOKEN)) {
    const token: Token = { source: part, quantifier };
    if (part === '(' || part === '(?:') open.push({ choices: [[]] });
    else if (part === ')') add(quantified(expressionOf(open.pop()), token));
    else if (part === '|') open.at(-1)?.choices.push([]);
    else add(quantified(single(part), token));
  }
  return expressionOf(open[0]);
}

function single(source: string): Expression {
  const assertion = ASSERTIONS[source];
  return assertion ? { kind: 'assertion', assertion } : { kind: 'atom', source };
}

function expressionOf(open: Open | undefined): Expression {
  const of = (open?.choices ?? []).map((parts): Expression => ({ kind: 'sequence', of: parts }));
  return { kind: 'choice', of };
}

function quantified(of: Expression, { quantifier }: Token): Expression {
  switch (quantifier) {
    case '':
      return of;
    case '*':
      return { kind: 'repetition', of, min: 0, max: Infinity };
    case '+':
      return { kind: 'repetition', of, min: 1, max: Infinity };
    case '?':
      return { kind: 'repetition', of, min: 0, max: 1 };
    default: {
      const [, least = '', comma, most = ''] = /^\{(\d+)(,?)(\d*)\}$/.exec(quantifier) ?? [];
      const min = Number(least);
      return { kind: 'repetition', of, min, max: comma === '' ? min : most === '' ? Infinity : Number(most) };
    }
  }
}
