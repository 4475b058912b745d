/** Refuses what never becomes a request: unreadable bytes, and TLS handshakes that fail. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Denial } from '../admission/denial.js';
import { writeDenialLine } from '../admission/denial-log.js';
import { denySocket, newInstance } from '../admission/deny.js';
import type { ReasonCode } from '../auth/verdict.js';
import { boundedCause, hintOf, verificationError } from '../certificates/verification-errors.js';
import type { PlannedListener } from '../config/plan-types.js';
import type { DecisionSink } from '../context/request-context.js';
import { clientOfPeer } from '../http/client-address.js';
import { peerOf, transportOf } from '../lib/connection.js';
import type { Log } from '../lib/types.js';
import type { ConnectionFaults } from './connection-faults.js';

export interface RefusalDeps {
  readonly log: Log;
  /** Default: no decision is kept. */
  readonly records?: DecisionSink | undefined;
  /** Default: nothing is counted. */
  readonly faults?: ConnectionFaults;
}

export class Refusals {
  constructor(
    private readonly planned: Pick<PlannedListener, 'name'>,
    private readonly deps: RefusalDeps,
  ) {}

  /** Answers bytes that never reached the gateway, in the gateway's format. */
  deny(socket: Duplex, denial: Denial, method?: string): void {
    const instance = newInstance();
    const about = { client: clientOf(socket as Socket), http_method: method, listener: this.planned.name };
    const line = writeDenialLine(this.deps.log, { instance, denial, ...about });
    this.deps.records?.denied(line);
    denySocket(socket, denial, instance);
  }

  /** A client that fails the handshake receives no response. The log, a record and a metric have OpenSSL's cause. */
  handshake(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    const verified = verificationError(socket.authorizationError);
    const cause = verified ?? (isTlsError(error) ? error.code : undefined);
    if (cause === undefined) return;
    const { log, records } = this.deps;
    const about = { listener: this.planned.name, client: clientOf(socket) };
    const instance = newInstance();
    this.#count(cause);
    log.info({ ...about, instance, cause }, 'handshake refused');
    const hint = hintOf(cause);
    const detail = `the TLS handshake was refused: ${cause}${hint === undefined ? '' : ` (${hint})`}`;
    records?.denied({
      ...about,
      instance,
      code: 'handshake_refused',
      outcome: 'rejected',
      cause,
      detail,
      ...reasonOf(verified),
    });
  }

  /** With `client_auth: request` the connection continues. Only routes with `mtls` need the certificate. */
  shaken(socket: TLSSocket): void {
    const cause = verificationError(socket.authorizationError);
    if (cause === undefined || !socket.getPeerX509Certificate()) return;
    this.#count(cause);
    const about = { listener: this.planned.name, client: clientOf(socket) };
    this.deps.log.info({ ...about, cause }, 'client certificate not trusted');
  }

  #count(cause: string): void {
    const counted = { listener: this.planned.name, cause: boundedCause(cause) };
    this.deps.faults?.count('loom_client_tls_faults_total', counted);
  }
}

function reasonOf(verified: string | undefined): { readonly reason?: ReasonCode } {
  if (verified === undefined) return {};
  return { reason: verified === 'CERT_HAS_EXPIRED' ? 'certificate_expired' : 'certificate_untrusted' };
}

/**
 * Returns the client that the connection itself has. A TLS socket that ended in its handshake has no address. The
 * socket below it still has one, and the peer that a balancer announced.
 */
export function clientOf(socket: Socket): string | undefined {
  const peer = peerOf(transportOf(socket)) || peerOf(socket);
  return peer === '' ? undefined : clientOfPeer(peer);
}

export function isTlsError(error: NodeJS.ErrnoException): boolean {
  return /^(ERR_SSL|ERR_TLS|EPROTO)/.test(error.code ?? '');
}
