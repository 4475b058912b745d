/** `api_key`: a key in a header or query parameter, looked up by its SHA-256 digest in the file or a store. */
import { createRequire } from 'node:module';
import { credentialDigestOf } from '../../granted-credential.js';
import { headerRules } from '../../header-rule.js';
import type { Identity } from '../../identity.js';
import type { Method } from '../../method.js';
import type * as RequiredClaims from '../required-claims.js';
import { findings, sharedFindings, unknownNames } from './findings.js';
import { expanded, findKey, keyAt, subjectsOf, tableOf, type KeyedOptions } from './key-table.js';
import { apiKeyNarrowing, apiKeyOptions, type ApiKeyNarrowing } from './options.js';
import { challengeOf, placesOf } from './places.js';
import { ApiKeyStrategy } from './strategy.js';

const require = createRequire(import.meta.url);

/**
 * The entry of the very key that opened a session. Another key of the same name confirms nothing. The store reports when
 * one of its keys ends.
 */
function voucherOf(options: KeyedOptions, identity: Identity): unknown {
  const text = credentialDigestOf(identity) ?? '';
  const digest = Buffer.from(text, 'hex');
  const table = tableOf(options);
  const number = digest.length === 32 ? findKey(table, digest) : undefined;
  if (number !== undefined) return keyAt(table, number);
  return options.store && { store: options.store, digest: text };
}

export const apiKey: Method<KeyedOptions> = {
  name: 'api_key',
  title: 'API key',
  ambient: false,
  claims: false,
  certificate: false,
  values: 'looked_up',
  options: apiKeyOptions,
  narrowing: apiKeyNarrowing,
  files: { ca_file: 'ca' },
  locateFiles: ({ store, ...options }, locate) =>
    store?.path === undefined ? { ...options, store } : { ...options, store: { ...store, path: locate(store.path) } },
  storeOf: (options) => options.store && { options: options.store, taken: subjectsOf(tableOf(options)) },
  needsHost: ({ store }) => (store?.type === 'host' ? ['store', 'type'] : undefined),
  findings,
  sharedFindings,
  unknownNames: (options, narrowing) => unknownNames(options, apiKeyNarrowing.parse(narrowing)),
  places: placesOf,
  headers: ({ claims_to_headers }) => headerRules(claims_to_headers),
  forwardsCredential: ({ forward_credentials }) => forward_credentials,
  challenge: challengeOf,
  summary: (options) => [
    ['keys', String(tableOf(options).size)],
    ...(options.store ? [['store', `${options.store.type}; the names of its keys are not checked here`] as const] : []),
  ],
  limitsIdentities: (options) =>
    options.store !== undefined ||
    [...tableOf(options).conditions.values()].some((each) => each.rate_limit !== undefined),
  limitsAddresses: (options) =>
    options.store !== undefined ||
    [...tableOf(options).conditions.values()].some((each) => each.allowed_ips !== undefined),
  voucher: voucherOf,
  judge: (narrowing, identity) => {
    const { names, ...demands } = narrowing as ApiKeyNarrowing;
    if (names && !names.includes(identity.subject)) return 'not_allowed';
    if (!demands.required_scopes && !demands.any_scope) return undefined;
    const { missingOf } = require('../required-claims.js') as typeof RequiredClaims;
    return missingOf(identity, demands);
  },
  compact: (options) => (options.keys ? { ...options, keys: tableOf(options) } : options),
  expand: expanded,
  offline: true,
  compile: (options, deps) => new ApiKeyStrategy(options, deps),
};
