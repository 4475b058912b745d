/** Findings about the keys of an `api_key` block: keys given twice, names of several keys, keys in the form of a token. */
import { isDeepStrictEqual } from '../../../lib/node-util.js';
import { looksLikeJws } from '../../../lib/jws-form.js';
import { placeWords, type Place } from '../../credentials.js';
import type { Finding } from '../../method.js';
import { configuredKeys, digestOf, subjectOf, subjectsOf, tableOf, type KeyedOptions } from './key-table.js';
import type { ApiKeyNarrowing, ConfiguredKey } from './options.js';
import { acceptsEveryServer } from './store/postgres-url.js';

export function findings(options: KeyedOptions): readonly Finding[] {
  return [...claimFindings(options), ...storeFindings(options), ...keyFindings(options)];
}

/** The names in a narrowing that no key has. The names of a store are known only when a request has one of its keys. */
export function unknownNames(options: KeyedOptions, narrowing: ApiKeyNarrowing): readonly Finding[] {
  if (options.store) return [];
  const known = subjectsOf(tableOf(options));
  const unknown = (narrowing.names ?? []).flatMap((name, i): Finding[] =>
    known.has(name) ? [] : [{ level: 'error', path: ['names', i], message: `no key is named ${JSON.stringify(name)}` }],
  );
  const scopes = (['required_scopes', 'any_scope'] as const).flatMap((option): Finding[] =>
    narrowing[option]
      ? [{ level: 'error', path: [option], message: 'only a key of a store has scopes; add "store"' }]
      : [],
  );
  return [...unknown, ...scopes];
}

const EVERY_SERVER =
  'the certificate of PostgreSQL is not verified: an attacker on the network can pose as the database and accept any key; ' +
  'name its authorities in ca_file';

const CLAIMS_OF_STORE = /^\/?(?:scope$|metadata(?:$|[./]))/;

function claimFindings({ claims_to_headers, store }: KeyedOptions): readonly Finding[] {
  return Object.keys(claims_to_headers).flatMap((claim): Finding[] => {
    if (claim === 'name' || (store && CLAIMS_OF_STORE.test(claim))) return [];
    const known = store ? 'name, scope and metadata' : 'name; a key of a store also has scope and metadata';
    return [
      { level: 'error', path: ['claims_to_headers', claim], message: `is no claim of a key: a key has ${known}` },
    ];
  });
}

function storeFindings({ store }: KeyedOptions): readonly Finding[] {
  const { url, ca, ca_file } = store ?? {};
  const isNoPem = ca !== undefined && !ca.includes('-----BEGIN ');
  return [
    ...(isNoPem
      ? [
          {
            level: 'error',
            path: ['store', ca_file === undefined ? 'ca' : 'ca_file'],
            message: 'has no PEM block',
          } as const,
        ]
      : []),
    ...(url !== undefined && acceptsEveryServer(url)
      ? [{ level: 'warning', path: ['store', 'url'], message: EVERY_SERVER } as const]
      : []),
  ];
}

function keyFindings(options: KeyedOptions): readonly Finding[] {
  const keys = configuredKeys(options);
  if (!keys && options.store) return [];
  if (!keys) return [{ level: 'warning', path: ['keys'], message: 'no keys: every request is rejected' }];
  const digests = keys.map(digestOf);
  const subjects = keys.map(({ name }, i) => subjectOf(name, digests[i] as string));
  const firstKey = firstOf(digests);
  const firstName = firstOf(subjects);
  return keys.flatMap((key, i): Finding[] => {
    const sameKey = firstKey.get(digests[i] as string) ?? i;
    if (sameKey < i)
      return [
        {
          level: 'error',
          path: ['keys', i],
          message: `${subjects[i]} has the same key as keys[${sameKey}], ${subjects[sameKey]}`,
        },
      ];
    const sameName = firstName.get(subjects[i] as string) ?? i;
    const different = sameName < i ? differenceOf(keys[sameName] as ConfiguredKey, key) : undefined;
    if (different === undefined) return [];
    const message = `keys[${sameName}] has this name already: keys of one name may differ in key and "expires" only, not in ${different}`;
    return [{ level: 'error', path: ['keys', i, 'name'], message }];
  });
}

/** Several keys of one name are one caller, so that a key can be replaced. Their other options must be equal. */
function differenceOf(first: ConfiguredKey, second: ConfiguredKey): string | undefined {
  if (first.name === undefined || second.name === undefined) return '"name"';
  if (!isDeepStrictEqual(first.rate_limit, second.rate_limit)) return '"rate_limit"';
  const addresses = ({ allowed_ips }: ConfiguredKey) => allowed_ips && new Set(allowed_ips);
  return isDeepStrictEqual(addresses(first), addresses(second)) ? undefined : '"allowed_ips"';
}

export function sharedFindings(options: KeyedOptions, shared: readonly Place[]): readonly Finding[] {
  if (shared.length === 0) return [];
  return (configuredKeys(options) ?? []).flatMap(({ key }, i): Finding[] => {
    if (key === undefined || !looksLikeJws(key)) return [];
    const message = `has the form of a token, which is never looked up as a key in ${placeWords(shared[0] as Place)}`;
    return [{ level: 'error', path: ['keys', i, 'key'], message }];
  });
}

/** The first index of each text. A file may have a hundred thousand keys. */
function firstOf(texts: readonly string[]): ReadonlyMap<string, number> {
  const first = new Map<string, number>();
  texts.forEach((text, i) => first.has(text) || first.set(text, i));
  return first;
}
