/** Where an `api_key` block reads keys, and how it asks for one. */
import type { Place } from '../../credentials.js';
import type { Challenge } from '../../verdict.js';
import type { KeyedOptions } from './key-table.js';

/** The scheme is one of `Authorization` (RFC 9110 §11.6.2). Every other header holds the key alone. */
export function placesOf({ header, scheme, query_param }: KeyedOptions): readonly Place[] {
  const names = header.map((name) => name.toLowerCase());
  const withScheme = scheme && !names.includes('authorization') ? [...names, 'authorization'] : names;
  const places = withScheme.map((name): Place => {
    return scheme && name === 'authorization'
      ? { in: 'header', name, scheme: scheme.toLowerCase() }
      : { in: 'header', name };
  });
  return query_param === undefined ? places : [...places, { in: 'query', name: query_param }];
}

export function challengeOf({ realm }: KeyedOptions): Challenge {
  return { scheme: 'ApiKey', params: { realm } };
}
