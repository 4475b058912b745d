/** Bounds the connections of the admin address. Above a bound the connection that has been silent longest ends. */
import type { Socket } from 'node:net';
import { clientNetwork } from '../lib/address.js';

const MAX_CONNECTIONS = 64;
/** Other clients keep half of the connections. */
const MAX_OF_CLIENT = 32;

export class AdminConnections {
  /** The network of each client. */
  readonly #clients = new Map<Socket, string>();
  /** Connections without a page in progress, from the one that has been silent longest. */
  readonly #silent = new Set<Socket>();

  /** A connection is silent until its first request. A new connection of a client without a silent one ends at once. */
  opened(socket: Socket): void {
    const { remoteAddress = '' } = socket;
    const client = clientNetwork(remoteAddress) ?? remoteAddress;
    this.#clients.set(socket, client);
    this.#silent.add(socket);
    socket.once('close', () => this.#forget(socket));
    const ofClient = [...this.#clients.values()].filter((each) => each === client).length;
    if (ofClient > MAX_OF_CLIENT) this.#endOne((each) => this.#clients.get(each) === client);
    else if (this.#clients.size > MAX_CONNECTIONS) this.#endOne(() => true);
  }

  /** The client waits for a page, or receives an event stream. */
  busy(socket: Socket): void {
    this.#silent.delete(socket);
  }

  /** The page is written. A client that does not read the page is silent, too. */
  idle(socket: Socket): void {
    if (this.#clients.has(socket)) this.#silent.add(socket);
  }

  #endOne(eligible: (socket: Socket) => boolean): void {
    const silent = [...this.#silent].find(eligible);
    if (!silent) return;
    this.#forget(silent);
    silent.destroy();
  }

  #forget(socket: Socket): void {
    this.#clients.delete(socket);
    this.#silent.delete(socket);
  }
}
