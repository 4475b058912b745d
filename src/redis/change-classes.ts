/** The class of changes of each option of a Redis server. */
import { content, secret, type ChangeClass, type Members } from '../lib/change-classes.js';
import type { RedisOptions } from './client.js';
import type { RedisBlock } from './options.js';

/** The options as a plan has them. */
export function redisOptionClasses(inClass: ChangeClass): Members<RedisOptions> {
  return {
    members: {
      type: { in: inClass },
      addresses: {
        in: inClass,
        unordered: true,
        show: (addresses: RedisOptions['addresses']) => addresses.map(({ host, port }) => `${host}:${port}`).join(', '),
      },
      username: { in: inClass },
      password: secret(inClass),
      db: { in: inClass },
      keyPrefix: { in: inClass },
      ca: content(inClass, 'ca_file'),
    },
  };
}

/** The options as a block of the file has them. */
export function redisBlockClasses(inClass: ChangeClass): Members<RedisBlock>['members'] {
  return {
    type: { in: inClass },
    address: { in: inClass },
    addresses: { in: inClass, unordered: true },
    username: { in: inClass },
    password: secret(inClass),
    db: { in: inClass },
    key_prefix: { in: inClass },
    ca_file: { by: 'ca' },
  };
}
