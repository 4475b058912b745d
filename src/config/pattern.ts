/** Path patterns of routes: `/a` exact, `/a/*` a prefix at a segment boundary, `:id`, `{id}` and `*` one segment. */

/** One segment of a pattern; literals are decoded once. */
export type PatternSegment = { readonly kind: 'literal'; readonly text: string } | { readonly kind: 'one' };

export interface Pattern {
  readonly segments: readonly PatternSegment[];
  /** A trailing `/*`: these segments and everything below them. */
  readonly rest: boolean;
}
