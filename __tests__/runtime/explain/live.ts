/** A random configuration at work, and the same configuration as an explainer. Both judge the same bytes. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { loom } from '../../../src/loom.js';
import { Explainer } from '../../../src/runtime/explain/explainer.js';
import { readDescription } from '../../../src/runtime/explain/described-request.js';
import type { Explanation, ExplainRequest } from '../../../src/runtime/explain/explanation.js';
import type { Plan } from '../../../src/config/plan-types.js';
import { compileToServe } from '../../../src/serve/compile-to-serve.js';
import { serve } from '../../../src/serve/serve.js';
import { quietLog } from '../../support/quiet-log.js';
import type { World } from './worlds.js';

/** What a caller, the log and the application behind Loom see. */
export interface Judged {
  readonly allowed: boolean | null;
  readonly status: number | null;
  readonly code: unknown;
  readonly reason: unknown;
  readonly authMethod: unknown;
  readonly route: unknown;
  readonly identityHeaders: Readonly<Record<string, string>>;
}

export interface AtWork {
  live(request: ExplainRequest): Promise<Judged>;
  explained(request: ExplainRequest): Promise<Explanation>;
  close(): Promise<void>;
}

const SEEN = ['x-caller', 'x-user', 'x-email', 'x-groups', 'x-authenticated-user'];
const ACCESS = { access: { enabled: true, fields: ['route', 'outcome', 'status'] } };

/** The application: the identity headers that it received. */
export function answerSeen(req: IncomingMessage, res: ServerResponse): void {
  const seen = Object.fromEntries(
    SEEN.flatMap((name) => (req.headers[name] === undefined ? [] : [[name, req.headers[name]]])),
  );
  res.setHeader('X-Seen', encodeURIComponent(JSON.stringify(seen)));
  res.end();
}

export async function atWork({ file, gateway }: World, ownPort: number): Promise<AtWork> {
  const log = quietLog();
  const source = { config: { ...file, logging: ACCESS }, file: 'random.yaml' };
  const started = gateway ? await asGateway(source, log) : await asMiddleware(source, log);
  const port = gateway ? ownPort : started.port;
  return {
    explained: started.explained,
    close: started.close,
    live: async (request) => {
      log.entries.length = 0;
      const { head, method } = readDescription(request);
      const response = await exchange(port, head, method === 'HEAD');
      const find = (event: string) => log.entries.find(({ facts }) => facts['event'] === event)?.facts;
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(response)?.[1]);
      const [, seen] = /^x-seen: (.*)\r$/im.exec(response) ?? [];
      const handled = log.entries.length > 0;
      if (handled && find('access') === undefined && isRead(find('denied')))
        await soon(() => find('access') !== undefined);
      const { code, reason, auth_method: authMethod } = find('denied') ?? find('failed') ?? {};
      const { route, outcome } = find('access') ?? {};
      const allowed = seen !== undefined || outcome === 'preflight' || (gateway && status === 200);
      return {
        allowed,
        status: seen === undefined ? status : null,
        code: code ?? null,
        reason: reason ?? null,
        authMethod: authMethod ?? null,
        route: route ?? null,
        identityHeaders: seen === undefined ? {} : ownHeaders(seen, started.plan),
      };
    },
  };
}

/** The access line follows the response within a few turns of the event loop. */
async function soon(isThere: () => boolean): Promise<void> {
  for (let turn = 0; !isThere(); turn += 1) {
    if (turn > 100_000) throw new Error('no access line');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A header that the file does not set is an ordinary header of the client. */
function ownHeaders(seen: string, { identityHeaders }: Plan): Record<string, string> {
  const own = new Set(identityHeaders.map((name) => name.toLowerCase()));
  const all = JSON.parse(decodeURIComponent(seen)) as Record<string, string>;
  return sorted(Object.entries(all).filter(([name]) => own.has(name)));
}

const sorted = (entries: readonly (readonly [string, string])[]): Record<string, string> =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));

/** Whether a request of the line had an access line: bytes that are no request have none. */
const isRead = (denied: Readonly<Record<string, unknown>> | undefined): boolean => denied?.['listener'] === undefined;

type Started = Pick<AtWork, 'explained' | 'close'> & { readonly port: number; readonly plan: Plan };
type Source = { readonly config: object; readonly file: string };

async function asMiddleware(source: Source, log: ReturnType<typeof quietLog>): Promise<Started> {
  const gate = loom(source, { log });
  await gate.ready;
  const server = createServer({ requireHostHeader: false }, (req, res) => gate(req, res, () => answerSeen(req, res)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    plan: gate.plan,
    explained: (request) => gate.explain(request, { online: true }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await gate.close();
    },
  };
}

async function asGateway(source: Source, log: ReturnType<typeof quietLog>): Promise<Started> {
  const gate = await serve(source, { log, watch: false });
  const { plan } = compileToServe(source, {});
  const explainer = new Explainer({ plan, standalone: true, now: Date.now, online: true, runsPlugins: true });
  return {
    port: 0,
    plan,
    explained: (request) => explainer.explain(request),
    close: async () => {
      await explainer.close();
      await gate.stop({ timeout: 0 });
    },
  };
}

/** The head of the response, and its body as far as it has one. */
function exchange(port: number, head: Buffer, isHead: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(head));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (isWhole(text, isHead)) socket.destroy();
    });
    socket.on('end', () => socket.end());
    socket.on('error', (cause) => (text === '' ? reject(cause) : socket.destroy()));
    socket.on('close', () => resolve(text));
  });
}

function isWhole(text: string, isHead: boolean): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const head = text.slice(0, end);
  if (isHead || /^HTTP\/1\.1 204/.test(head)) return true;
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  if (length !== undefined) return text.length >= end + 4 + Number(length);
  return /^transfer-encoding: *chunked/im.test(head) && text.endsWith('0\r\n\r\n');
}

/** The part of an explanation that a live answer shows. */
export function judgedBy(explanation: Explanation, live: Judged): Judged {
  const { allowed, status, code, reason, authMethod, route, identityHeaders } = explanation;
  // The server of a host answers bytes that are no request, without a code.
  const isUnread = live.code === null && status === 400;
  return {
    allowed,
    status,
    code: isUnread ? null : code,
    reason,
    authMethod,
    route: route?.id ?? null,
    identityHeaders: sorted(identityHeaders.map(({ name, value }) => [name.toLowerCase(), value])),
  };
}
