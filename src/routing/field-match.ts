/** The `headers` and `query` conditions of a route, compiled once into one question. */
import type { IncomingHttpHeaders } from 'node:http';
import { queryValues } from '../auth/credentials.js';
import { longestValue } from '../config/regex-cost.js';
import type { FieldMatch, PlannedRoute } from '../config/plan-types.js';

export type Fits = (headers: IncomingHttpHeaders, query: string | undefined) => boolean;

/** Whether a request meets every condition; a parameter sent several times must meet it each time, a header as Node joins it. */
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
      // All of the value: `^a|b$` means either, not whatever begins with `a`.
      const whole = new RegExp(`^(?:${value})$`, 'u');
      const longest = longestValue(value);
      return (values) => values.length > 0 && values.every((each) => each.length <= longest && whole.test(each));
    }
  }
}

function fieldValues(headers: IncomingHttpHeaders, name: string): readonly string[] {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
