/** Joins a client's upgraded socket to the upstream's socket, until either socket or the session ends. */
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import type { Identity } from '../auth/identity.js';
import { LONGEST_TIMER_MS } from '../lib/fields.js';
import type { Now } from '../lib/types.js';

/** After one side has ended, the other side has this time to send its last bytes. */
const LINGER_MS = 10_000;
const KEEP_ALIVE_MS = 30_000;

/** The identity of an upgraded socket, and the request that opened it. */
export interface Session {
  readonly route?: string | undefined;
  readonly host: string;
  readonly path: string;
  readonly identities: readonly Identity[];
}

/**
 * The entry of one socket among the open sockets. It lasts from the handshake to the end of the socket, over all
 * reloads.
 */
export interface LiveSocket {
  /** Replaces the function that closes the socket. */
  closeWith(close: () => void): void;
  forget(): void;
}

interface Live {
  close: () => void;
  readonly session: Session | undefined;
  owner: LiveSockets;
}

interface Successor {
  readonly owner: () => LiveSockets;
  readonly upholds: (session: Session) => boolean;
}

/** The open upgraded sockets, so that a stop or a reload can close them. */
export class LiveSockets {
  readonly #open = new Set<Live>();
  #successor: Successor | undefined;
  #closed = false;

  get size(): number {
    return this.#open.size;
  }

  /** A socket that arrives after the handover is added to the successor, under the successor's rules. */
  add(close: () => void, session?: Session): LiveSocket {
    const owner = this.#successor?.owner() ?? this;
    const live: Live = { close, session, owner };
    owner.#open.add(live);
    const upheld = !owner.#closed && (!session || this.#successor?.upholds(session) !== false);
    // The caller has not opened the socket yet.
    if (!upheld) process.nextTick(() => live.close());
    // The closures lead only to the current owner. An open socket must not keep the old configuration in memory.
    return {
      closeWith: (other) => void (live.close = other),
      forget: () => void live.owner.#open.delete(live),
    };
  }

  /** The identities of all open sockets. */
  identities(): readonly Identity[] {
    return [...this.#open].flatMap(({ session }) => session?.identities ?? []);
  }

  /** Closes the sockets that have one of these identities. */
  closeOf(ended: ReadonlySet<Identity>): void {
    for (const live of [...this.#open]) if (live.session?.identities.some((each) => ended.has(each))) live.close();
  }

  /** Also closes sockets that are added later. */
  close(): void {
    this.#closed = true;
    for (const live of [...this.#open]) live.close();
  }

  /**
   * Transfers the sockets to another owner, which closes the sockets that it does not uphold. `owner` is called again
   * for each later socket, because a decision may outlast several configurations.
   */
  handOver(owner: () => LiveSockets, upholds: (session: Session) => boolean): void {
    this.#successor = { owner, upholds };
    const next = owner();
    for (const live of [...this.#open]) {
      this.#open.delete(live);
      live.owner = next;
      next.#open.add(live);
      if (live.session && !upholds(live.session)) live.close();
    }
  }
}

/** Calls back at `atMs`, at any distance, and does not keep the process alive. Returns the function that cancels. */
export function callAt(atMs: number, now: Now, done: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const left = atMs - now();
    timer = setTimeout(() => (atMs - now() > 0 ? arm() : done()), Math.max(0, Math.min(left, LONGEST_TIMER_MS)));
    timer.unref();
  };
  arm();
  return () => clearTimeout(timer);
}

/** Pipes both ways. A close or an error on one side closes the other. Returns the function that closes both sides. */
export function join(client: Duplex, upstream: Socket, closed: () => void): () => void {
  let linger: NodeJS.Timeout | undefined;
  let open = 2;
  const cut = (): void => {
    client.destroy();
    upstream.destroy();
  };
  for (const [side, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    keepOpen(side);
    side.on('error', cut);
    side.once('end', () => (linger ??= setTimeout(cut, LINGER_MS).unref()));
    side.once('close', () => {
      // Bytes that were read before the end are still written. If a side does not accept them, the timer closes it.
      if (!other.destroyed && !other.writableEnded) other.end();
      linger ??= setTimeout(cut, LINGER_MS).unref();
      if (--open === 0) {
        clearTimeout(linger);
        closed();
      }
    });
    side.pipe(other);
  }
  return cut;
}

function keepOpen(side: Duplex): void {
  const socket = side as Socket;
  socket.setTimeout?.(0);
  socket.setNoDelay?.(true);
  socket.setKeepAlive?.(true, KEEP_ALIVE_MS);
}
