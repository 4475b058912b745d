/** Compiles the `headers` and `query` conditions of a route into one function. */
import type { IncomingHttpHeaders } from 'node:http';
import { createRequire } from 'node:module';
import { queryValues } from '../auth/credentials.js';
import type { FieldMatch, PlannedRoute } from '../config/plan-types.js';
import type * as LinearMatchers from '../lib/linear-matcher.js';

const require = createRequire(import.meta.url);

export type Fits = (headers: IncomingHttpHeaders, query: string | undefined) => boolean;

/**
 * Whether a request meets every condition. Each value of a repeated query parameter must meet its condition. Node joins
 * repeated headers first.
 */
export function compileFits({ headers, query }: Pick<PlannedRoute, 'headers' | 'query'>): Fits {
  if (headers.length === 0 && query.length === 0) return () => true;
  const fields = headers.map((match) => ({ name: match.name.toLowerCase(), accepts: compileMatch(match) }));
  const parameters = query.map((match) => ({ name: match.name, accepts: compileMatch(match) }));
  return (sent, text) =>
    fields.every(({ name, accepts }) => accepts(fieldValues(sent, name))) &&
    parameters.every(({ name, accepts }) => accepts(queryValues(`?${text ?? ''}`, name)));
}

function compileMatch({ kind, value }: FieldMatch): (values: readonly string[]) => boolean {
  switch (kind) {
    case 'present':
      return (values) => values.length > 0;
    case 'exact':
      return (values) => values.length > 0 && values.every((each) => each === value);
    case 'regex': {
      // The pattern must match the whole value: `^a|b$` means either `a` or `b`, not every value that begins with `a`.
      const { LinearMatcher } = require('../lib/linear-matcher.js') as typeof LinearMatchers;
      const matcher = new LinearMatcher(value);
      return (values) => values.length > 0 && values.every((each) => matcher.matches(each));
    }
  }
}

function fieldValues(headers: IncomingHttpHeaders, name: string): readonly string[] {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
