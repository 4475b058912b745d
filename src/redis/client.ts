/** The Redis client from the optional package `ioredis`, loaded only if the configuration uses Redis. */
import type * as ioredis from 'ioredis';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

export interface RedisOptions {
  readonly type: 'redis' | 'redis-cluster';
  /** The server, or some nodes of the cluster; the client finds the other nodes. */
  readonly addresses: readonly [RedisAddress, ...RedisAddress[]];
  readonly username?: string;
  /** A secret. */
  readonly password?: string;
  readonly db?: number;
  /** The prefix of every key. It has no braces, because braces choose the slot. */
  readonly keyPrefix: string;
  /** PEM of the authorities of the server certificate, instead of the public authorities. */
  readonly ca?: string;
}

/** The common interface of `Redis` and `Cluster`. */
export interface RedisClient {
  readonly status: string;
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
  on(event: string, listener: (error: unknown) => void): unknown;
}

const LONGEST_WAIT_MS = 2_000;
const CONNECT_MS = 2_000;

/**
 * Milliseconds before the next attempt. They double and vary, so that many instances do not connect at the same time.
 */
export function backOff(attempt: number): number {
  return Math.min(LONGEST_WAIT_MS, 25 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
}

/** Throws an error with the install command if the package is missing. */
export async function connectRedis(options: RedisOptions): Promise<RedisClient> {
  const { Redis, Cluster } = await load();
  const [{ host, port, tls }] = options.addresses;
  const each = {
    ...(options.username !== undefined && { username: options.username }),
    ...(options.password !== undefined && { password: options.password }),
    ...(tls && { tls: options.ca === undefined ? {} : { ca: options.ca } }),
    connectTimeout: CONNECT_MS,
    disconnectTimeout: 200,
    // A request does not wait for a server that is down, so a command is never queued or sent twice.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: backOff,
  };
  if (options.type === 'redis') {
    const redis = new Redis({ ...each, host, port, db: options.db ?? 0 });
    letProcessEnd(redis);
    return redis;
  }
  const nodes = options.addresses.map((address) => ({ host: address.host, port: address.port }));
  const cluster = new Cluster(nodes, {
    redisOptions: each,
    enableOfflineQueue: false,
    clusterRetryStrategy: backOff,
    slotsRefreshTimeout: CONNECT_MS,
    maxRedirections: 3,
    // Certificates contain host names, and a cluster reports addresses.
    ...(tls && { dnsLookup: (name: string, found: (error: null, address: string) => void) => found(null, name) }),
  });
  letProcessEnd(cluster);
  return cluster;
}

/** The members that the types of ioredis do not show. */
interface Waiting {
  readonly reconnectTimeout?: NodeJS.Timeout | null;
  /** The connection of a cluster client for messages. */
  readonly subscriber?: { getInstance?(): ioredis.Redis | null };
}

/**
 * A host that never closes its gate, such as a test, must still end: an idle connection and the wait for the next attempt
 * do not keep the process alive. The timer of a command does.
 */
function letProcessEnd(client: ioredis.Redis | ioredis.Cluster): void {
  const unreferenced = new WeakSet<object>();
  const follow = (redis: ioredis.Redis): void => {
    if (unreferenced.has(redis)) return;
    unreferenced.add(redis);
    redis.on('ready', () => redis.stream.unref());
    redis.on('reconnecting', () => void (redis as unknown as Waiting).reconnectTimeout?.unref());
  };
  if (!('nodes' in client)) return follow(client);
  const followSubscriber = (): void => {
    const subscriber = (client as unknown as Waiting).subscriber?.getInstance?.();
    if (subscriber) follow(subscriber);
  };
  client.on('+node', (node: ioredis.Redis) => {
    follow(node);
    followSubscriber();
  });
  client.on('ready', followSubscriber);
  client.on('reconnecting', () => void (client as unknown as Waiting).reconnectTimeout?.unref());
}

type IoRedis = Pick<typeof ioredis, 'Redis' | 'Cluster'>;

async function load(): Promise<IoRedis> {
  try {
    return await import('ioredis');
  } catch (cause) {
    throw new Error('the file uses Redis, and the package ioredis is not installed: npm install ioredis', { cause });
  }
}
