/** Joins a client's upgraded socket to its upstream's, until either ends or the session does. */
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import type { Identity } from '../auth/identity.js';
import type { Now } from '../lib/types.js';

/** After one side has ended, the other has this long to say its last. */
const LINGER_MS = 10_000;
const KEEP_ALIVE_MS = 30_000;
/** `setTimeout` fires at once beyond 2^31-1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Whose socket it is, and what was asked for when it came. */
export interface Session {
  readonly route?: string | undefined;
  readonly host: string;
  readonly path: string;
  readonly identities: readonly Identity[];
}

/** A place among the open sockets: from the start of a handshake to the end of its socket, over all reloads between. */
export interface LiveSocket {
  /** Another way to close it from now on. */
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

/** The upgraded sockets that are open, so that a stop or a reload can close them. */
export class LiveSockets {
  readonly #open = new Set<Live>();
  #successor: Successor | undefined;
  #closed = false;

  get size(): number {
    return this.#open.size;
  }

  /** A socket that comes too late is with the successor, and closed as it would be there. */
  add(close: () => void, session?: Session): LiveSocket {
    const owner = this.#successor?.owner() ?? this;
    const live: Live = { close, session, owner };
    owner.#open.add(live);
    const upheld = !owner.#closed && (!session || this.#successor?.upholds(session) !== false);
    // Whoever adds it is still about to open it.
    if (!upheld) process.nextTick(() => live.close());
    // Leads to the owner of the moment alone: what an open socket holds must not lead to the table that judged it.
    return {
      closeWith: (other) => void (live.close = other),
      forget: () => void live.owner.#open.delete(live),
    };
  }

  /** Those that come from now on are closed as well. */
  close(): void {
    this.#closed = true;
    for (const live of [...this.#open]) live.close();
  }

  /**
   * Leaves them to another owner, which closes those that it does not uphold. `owner` is asked anew for whatever comes
   * later: a verdict may take as long as several tables last.
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

/** Calls back at `atMs`, however far away; does not keep the process alive. Returns the act of cancelling. */
export function at(atMs: number, now: Now, done: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const left = atMs - now();
    timer = setTimeout(() => (atMs - now() > 0 ? arm() : done()), Math.max(0, Math.min(left, LONGEST_TIMER_MS)));
    timer.unref();
  };
  arm();
  return () => clearTimeout(timer);
}

/** Pipes both ways; closing or breaking one side closes the other. Returns the act of cutting both. */
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
      // What was read before the end still goes out; a side that will not take it is cut by the timer.
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
