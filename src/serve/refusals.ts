/** Refuses what never becomes a request: unreadable bytes, and TLS handshakes that fail. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Denial } from '../admission/denial.js';
import { writeDenialLine } from '../admission/denial-log.js';
import { denySocket, newInstance } from '../admission/deny.js';
import type { PlannedListener } from '../config/plan-types.js';
import type { DecisionSink } from '../context/request-context.js';
import type { Log } from '../lib/types.js';

export interface RefusalDeps {
  readonly log: Log;
  /** Default: no decision is kept. */
  readonly records?: DecisionSink | undefined;
}

export class Refusals {
  constructor(
    private readonly planned: Pick<PlannedListener, 'name'>,
    private readonly deps: RefusalDeps,
  ) {}

  /** Answers bytes that never reached the gateway, in the gateway's format. */
  deny(socket: Duplex, denial: Denial, method?: string): void {
    const instance = newInstance();
    const about = { client: addressOf(socket as Socket), http_method: method, listener: this.planned.name };
    const line = writeDenialLine(this.deps.log, { instance, denial, ...about });
    this.deps.records?.denied(line);
    denySocket(socket, denial, instance);
  }

  /**
   * A client that fails the handshake receives no response that metrics could count. The log line is the only record.
   */
  handshake(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    const cause = socket.authorizationError ?? (isTlsError(error) ? error.code : undefined);
    const { log } = this.deps;
    if (cause) log.info({ listener: this.planned.name, client: addressOf(socket), cause }, 'handshake refused');
  }
}

/** A TLS socket that ended in its handshake has no address. The socket below it still has one. */
export function addressOf(socket: Socket): string | undefined {
  return socket.remoteAddress ?? (socket as { readonly _parent?: Socket | null })._parent?.remoteAddress;
}

export function isTlsError(error: NodeJS.ErrnoException): boolean {
  return /^(ERR_SSL|ERR_TLS|EPROTO)/.test(error.code ?? '');
}
