/** Where a Redis is, as a file spells it: `host:port`, `redis://host:port`, or `rediss://host:port` over TLS. */
import type { RedisAddress } from './client.js';

const PORT = 6_379;

/**
 * Undefined for anything else: a path, a query, or a user and password, which would end up in messages.
 *
 * @example parseRedisAddress('rediss://redis.internal') // { host: 'redis.internal', port: 6379, tls: true }
 */
export function parseRedisAddress(text: string): RedisAddress | undefined {
  const [, scheme = 'redis://', authority = ''] = /^(rediss?:\/\/)?([^/?#@\s]+)\/?$/.exec(text) ?? [];
  const written = `http://${authority}/`;
  if (authority === '' || !URL.canParse(written)) return undefined;
  const { hostname, port } = new URL(written);
  // The default port of http is no port of the URL.
  const given = port !== '' ? Number(port) : authority.endsWith(':80') ? 80 : PORT;
  if (given === 0) return undefined;
  return { host: hostname.replace(/^\[|\]$/g, ''), port: given, tls: scheme === 'rediss://' };
}
