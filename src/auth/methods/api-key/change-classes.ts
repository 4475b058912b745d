/** The class of changes of each option of `api_key`. */
import { content, secret, time, type Members } from '../../../lib/change-classes.js';
import { momentText } from '../../date-text.js';
import { RATE, THROTTLE } from '../../rate-text.js';
import { digestOf } from './key-table.js';
import type { ApiKeyOptions, ConfiguredKey } from './options.js';

/** A key and its hash in the file are the same credential. */
const KEY = { in: 'access', as: 'key', hide: 'secret' } as const;

export const apiKeyClasses: Members<ApiKeyOptions> = {
  members: {
    realm: { in: 'headers', default: 'loom' },
    header: { in: 'access', unordered: true, default: ['X-API-Key'] },
    scheme: { in: 'access' },
    query_param: { in: 'access' },
    keys: {
      in: 'access',
      // The name of a key without a name contains a part of its digest.
      name: ({ name }: ConfiguredKey) => name ?? '(no name)',
      identity: 'key',
      items: {
        members: {
          key: { ...KEY, equal: (key: string) => digestOf({ key }) },
          key_hash: { ...KEY, equal: (key_hash: string) => digestOf({ key_hash }) },
          name: { by: 'the name of the item' },
          rate_limit: RATE,
          expires: { in: 'access', show: momentText },
          allowed_ips: { in: 'access', unordered: true },
        },
      },
    },
    store: {
      members: {
        type: { in: 'access' },
        path: { in: 'access' },
        url: secret('access'),
        ca_file: { by: 'ca' },
        ca: content('access', 'ca_file'),
        cache_ttl: time('cache_ttl', 30_000),
        cache_size: { in: 'timeouts', default: 10_000 },
        stale_if_error: time('stale_if_error', 0),
        throttle: THROTTLE,
      },
    },
    claims_to_headers: { by: 'headers of the method' },
    forward_credentials: { in: 'headers', default: false },
  },
};
