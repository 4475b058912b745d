/** Keys of TLS session tickets that several processes share, so that a session of one resumes at another; in memory alone. */
import { createHash, hkdfSync } from 'node:crypto';
import type { Server as TlsServer } from 'node:https';

/** What a ticket may be good for: one listener, with one certificate. */
export interface TicketScope {
  readonly listener: string;
  readonly port: number;
  /** PEM: with another one, whether its key was lost or not, old tickets mean nothing. */
  readonly certificate: string;
}

/** RFC 5077 as Node has it: a name, a key for the MAC and one for the cipher, 16 bytes each. */
const KEY_BYTES = 48;

export class TicketKeys {
  readonly #servers = new Map<TlsServer, TicketScope>();

  constructor(private secret: Buffer) {}

  /**
   * For servers that ask for no certificates alone: where they do, nothing is ever resumed. To be said again after each
   * `setSecureContext`, which comes with random keys of its own.
   */
  use(server: TlsServer, scope: TicketScope): void {
    if (!this.#servers.has(server)) server.once('close', () => this.#servers.delete(server));
    this.#servers.set(server, scope);
    server.setTicketKeys(this.#keysOf(scope));
  }

  /** Tickets from before are worth nothing any more: their sessions begin with a whole handshake. */
  rotate(secret: Buffer): void {
    this.secret = secret;
    for (const [server, scope] of this.#servers) server.setTicketKeys(this.#keysOf(scope));
  }

  #keysOf({ listener, port, certificate }: TicketScope): Buffer {
    const digest = createHash('sha256').update(certificate).digest('hex');
    const info = JSON.stringify(['loom-auth session tickets', listener, port, digest]);
    return Buffer.from(hkdfSync('sha256', this.secret, Buffer.alloc(0), info, KEY_BYTES));
  }
}
