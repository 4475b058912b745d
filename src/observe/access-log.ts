/** One line for each request that ended: who asked for what, and what became of it. Never a query, never a credential. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Decision } from '../auth/decision.js';
import type { AccessField } from '../lib/access-fields.js';
import { clientAddressOf } from '../lib/client-address.js';
import { Note } from '../lib/note.js';
import type { Log, Now } from '../lib/types.js';

type Values = Partial<Record<AccessField, unknown>>;

const LONGEST = 512;

export class AccessLog {
  readonly #decisions = new Note<Decision>('decision');

  constructor(
    private readonly fields: readonly AccessField[],
    private readonly deps: { readonly log: Log; readonly now: Now },
  ) {}

  /** Remembers what was decided, for the line at the end. */
  decided(req: IncomingMessage, decision: Decision): void {
    this.#decisions.set(req, decision);
  }

  /** Writes the line when the response is done or the client has left. */
  watch(req: IncomingMessage, res: ServerResponse): void {
    const { log, now } = this.deps;
    const start = now();
    const path = pathOf(req);
    const sent = req.socket.bytesWritten;
    res.once('close', () => {
      const end = {
        path,
        // nginx's word for a client that left before the answer.
        status: res.headersSent ? res.statusCode : 499,
        duration_ms: now() - start,
        bytes: req.socket.bytesWritten - sent,
      };
      const values: Values = { ...this.#values(req), ...end };
      log.info(Object.fromEntries(this.fields.map((field) => [field, values[field]])), 'access');
    });
  }

  #values(req: IncomingMessage): Values {
    const { requestId, route, identities: [identity] = [], reason } = this.#decisions.of(req) ?? {};
    return {
      request_id: requestId,
      client: clientAddressOf(req),
      method: req.method,
      host: req.headers.host,
      route,
      auth_method: identity?.method,
      subject: identity?.subject,
      reason,
      user_agent: req.headers['user-agent']?.slice(0, LONGEST),
    };
  }
}

/** As the client sent it, without the query: that is where keys stand. */
function pathOf({ url = '' }: IncomingMessage): string {
  return (url.split('?', 1)[0] ?? '').slice(0, LONGEST);
}
