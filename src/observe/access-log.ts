/** One line for each request that ended: who asked for what, and what became of it. Never a query, never a credential. */
import type { IncomingMessage } from 'node:http';
import type { AccessField } from '../lib/access-fields.js';
import { clientAddressOf } from '../http/client-address.js';
import type { Log } from '../lib/types.js';
import type { Decision } from '../auth/decision.js';

type Values = Partial<Record<AccessField, unknown>>;

/** What the line tells of a request, beside its end. */
export interface Logged {
  readonly path: string;
  /** Bytes that the socket had written before. */
  readonly sent: number;
  readonly decision?: Decision;
}

export interface Ended {
  readonly status: number;
  readonly elapsedMs: number;
}

const LONGEST = 512;

export class AccessLog {
  constructor(
    private readonly fields: readonly AccessField[],
    private readonly log: Log,
  ) {}

  write(req: IncomingMessage, logged: Logged, { status, elapsedMs }: Ended): void {
    const { requestId, route, outcome, identities: [identity] = [], method, reason } = logged.decision ?? {};
    const values: Values = {
      request_id: requestId,
      client: clientAddressOf(req),
      method: req.method,
      host: req.headers.host,
      path: logged.path,
      status,
      duration_ms: Math.round(elapsedMs),
      bytes: req.socket.bytesWritten - logged.sent,
      route,
      outcome,
      auth_method: identity?.method ?? method,
      subject: identity?.subject,
      reason,
      user_agent: req.headers['user-agent']?.slice(0, LONGEST),
    };
    const line = Object.fromEntries(this.fields.map((field) => [field, values[field]]));
    this.log.info({ event: 'access', ...line }, 'access');
  }
}
