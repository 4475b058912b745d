/** Shares TLS session ticket keys between processes, in memory only, so that any process can resume a session. */
import { createHash, hkdfSync } from 'node:crypto';
import type { Server as TlsServer } from 'node:https';

/** The scope of a ticket: one listener with one certificate. */
export interface TicketScope {
  readonly listener: string;
  readonly port: number;
  /** PEM. A new certificate makes old tickets invalid, whether its key was lost or not. */
  readonly certificate: string;
}

/** RFC 5077, in Node's layout: a name, a MAC key and a cipher key, 16 bytes each. */
const KEY_BYTES = 48;

export class TicketKeys {
  readonly #servers = new Map<TlsServer, TicketScope>();

  constructor(private secret: Buffer) {}

  /**
   * Only for servers that request no certificates. A server that requests certificates never resumes a session. Call it
   * again after each `setSecureContext`, which sets random keys.
   */
  use(server: TlsServer, scope: TicketScope): void {
    if (!this.#servers.has(server)) server.once('close', () => this.#servers.delete(server));
    this.#servers.set(server, scope);
    server.setTicketKeys(this.#keysOf(scope));
  }

  /** Earlier tickets become invalid. Their sessions begin with a full handshake. */
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
