/** The client of Redis, `ioredis`: an optional package, loaded only where a file asks for Redis. */
import type * as ioredis from 'ioredis';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

export interface RedisOptions {
  readonly type: 'redis' | 'redis-cluster';
  /** One, or some nodes of the cluster; the others are asked for. */
  readonly addresses: readonly [RedisAddress, ...RedisAddress[]];
  readonly username?: string;
  /** A secret. */
  readonly password?: string;
  readonly db?: number;
  /** Put before every key. No braces: they would choose the slot. */
  readonly keyPrefix: string;
  /** PEM of the authorities that may vouch for the server, in place of the public ones. */
  readonly ca?: string;
}

/** What of a client is used here; `Redis` and `Cluster` both have it. */
export interface RedisClient {
  readonly status: string;
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
  on(event: string, listener: (error: unknown) => void): unknown;
}

const LONGEST_WAIT_MS = 2_000;
const CONNECT_MS = 2_000;

/** Milliseconds before the next attempt: doubling, and spread, so that many instances do not come at one moment. */
export function backOff(attempt: number): number {
  return Math.min(LONGEST_WAIT_MS, 25 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
}

/** Throws an error with the command that installs the package where it is missing. */
export async function connectRedis(options: RedisOptions): Promise<RedisClient> {
  const { Redis, Cluster } = await load();
  const [{ host, port, tls }] = options.addresses;
  const each = {
    ...(options.username !== undefined && { username: options.username }),
    ...(options.password !== undefined && { password: options.password }),
    ...(tls && { tls: options.ca === undefined ? {} : { ca: options.ca } }),
    connectTimeout: CONNECT_MS,
    disconnectTimeout: 200,
    // Nothing waits for a server that is not there, and nothing is sent twice: whoever asked has decided by then.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: backOff,
  };
  if (options.type === 'redis') return new Redis({ ...each, host, port, db: options.db ?? 0 });
  const nodes = options.addresses.map((address) => ({ host: address.host, port: address.port }));
  return new Cluster(nodes, {
    redisOptions: each,
    enableOfflineQueue: false,
    clusterRetryStrategy: backOff,
    slotsRefreshTimeout: CONNECT_MS,
    maxRedirections: 3,
    // Certificates name hosts, and a cluster tells addresses.
    ...(tls && { dnsLookup: (name: string, found: (error: null, address: string) => void) => found(null, name) }),
  });
}

type IoRedis = Pick<typeof ioredis, 'Redis' | 'Cluster'>;

async function load(): Promise<IoRedis> {
  try {
    return await import('ioredis');
  } catch (cause) {
    throw new Error('the file asks for Redis, and its client is not installed: npm install ioredis', { cause });
  }
}
