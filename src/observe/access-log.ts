/** Writes one access log line for each completed request, without the query and without credentials. */
import type { AccessField } from '../lib/access-fields.js';
import { loggedHost } from '../http/logged-path.js';
import type { RequestContext, Trail } from '../context/request-context.js';
import type { Log } from '../lib/types.js';

type Values = Partial<Record<AccessField, unknown>>;

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

  write({ request: req, address, instance }: RequestContext, trail: Trail, { status, elapsedMs }: Ended): void {
    const { requestId, route, outcome, identities: [identity] = [], method, reason } = trail.decision ?? {};
    const values: Values = {
      request_id: requestId ?? instance,
      client: address,
      method: req.method,
      host: loggedHost(req.headers.host),
      path: trail.path,
      status,
      duration_ms: Math.round(elapsedMs),
      bytes: req.socket.bytesWritten - trail.sent,
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
