/** The class of changes of each option of `basic`. */
import { secret, time, type Members } from '../../../lib/change-classes.js';
import { THROTTLE } from '../../rate-text.js';
import type { BasicOptions } from './options.js';

export const basicClasses: Members<BasicOptions> = {
  members: {
    realm: { in: 'headers', default: 'loom' },
    users: {
      in: 'access',
      name: ({ username }: BasicOptions['users'][number]) => username,
      items: { members: { username: { by: 'the name of the item' }, password_hash: secret('access') } },
    },
    // `users` has the users of the file as well.
    htpasswd_file: { by: 'users' },
    htpasswd: { by: 'users' },
    ignore_unsupported: { by: 'users' },
    cache_ttl: time('cache_ttl', 300_000),
    throttle: THROTTLE,
    claims_to_headers: { by: 'headers of the method' },
    forward_credentials: { in: 'headers', default: false },
  },
};
