/** Says in words what a route requires of a request to match. */
import type { FieldMatch, PlannedRoute } from '../../config/plan-types.js';
import { listed } from '../../lib/sentence.js';
import type { Explanation } from './explanation.js';

export function matchedBy({ id, path, host, methods, headers, query, upstream }: PlannedRoute): Explanation['route'] {
  const parts = [
    `the path ${path}`,
    methods ? `the HTTP method ${listed([...methods])}` : 'any HTTP method',
    host === undefined ? 'any host' : `the host ${host}`,
    ...headers.map((each) => conditionOf('header', each)),
    ...query.map((each) => conditionOf('query parameter', each)),
  ];
  return { id, path, matched: listed(parts, 'and'), upstream: upstream ?? null };
}

/** The value may be a secret of the operator, so only its name is shown. */
function conditionOf(where: string, { name }: FieldMatch): string {
  return `the ${where} ${name}`;
}
