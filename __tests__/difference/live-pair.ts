/** Two files at work: the same requests to a gateway of each, and the class of each difference that a caller sees. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { compileFile } from '../../src/config/index.js';
import type { Plan } from '../../src/config/plan-types.js';
import { loadStandalone } from './standalone.js';
import { ask, type Answer, type Question } from '../support/ask.js';
import { echoUpstream, closed, listening, type Echo, type Echoed } from '../support/recording-upstream.js';
import { secretToken } from '../support/token-issuer.js';

export const KEYS = ['key-of-ci-0123456789abcdef0123', 'key-of-cd-0123456789abcdef0123'] as const;
export const SECRET = 'shared-secret-of-the-issuer-0123456789abcdef';
/** A clock that stands still: no bucket fills up again, and both gateways count alike. */
const NOW = Date.now();

type Asked = Omit<Question, 'port'>;

/** What a caller and an upstream see of one request, by the class of a change that may explain another value. */
export interface Seen {
  readonly status: number;
  readonly parts: Readonly<Record<string, string>>;
}

export class LivePair {
  private constructor(
    readonly upstreams: readonly Echo[],
    private readonly requests: readonly Asked[],
  ) {}

  static async open(): Promise<LivePair> {
    const slow = (req: IncomingMessage, res: ServerResponse): boolean => {
      if (!req.url?.includes('slow')) return false;
      setTimeout(() => res.end('{}'), 400).unref();
      return true;
    };
    return new LivePair(await Promise.all([echoUpstream(slow), echoUpstream(slow)]), await requests());
  }

  async close(): Promise<void> {
    await Promise.all(this.upstreams.map((each) => each.close()));
  }

  plan(config: object): Plan {
    return compileFile({ config, file: 'loom.yaml' }, { mode: 'serve', env: {} }).plan;
  }

  /** Sends every request, one after the other. */
  async see(config: object): Promise<readonly Seen[]> {
    const gate = loadStandalone(config, () => NOW);
    const server = createServer((req, res) => gate(req, res, () => res.destroy()));
    const port = await listening(server);
    const seen: Seen[] = [];
    try {
      for (const asked of this.requests) {
        const counts = this.upstreams.map(({ requests: all }) => all.length);
        const headers = { Host: 'gateway.test', ...asked.headers };
        const answer = await ask({ port, ...asked, headers });
        const target = this.upstreams.findIndex(({ requests: all }, at) => all.length > (counts[at] ?? 0));
        seen.push(partsOf(answer, { target, port }));
      }
      return seen;
    } finally {
      await closed(server);
      await gate.close();
    }
  }

  nameOf(at: number): string {
    const { method = 'GET', path = '/', headers = {} } = this.requests[at] as Asked;
    return `${method} ${path} ${Object.keys(headers).join()}`;
  }
}

interface Sent {
  /** The index of the upstream that received the request. */
  readonly target: number;
  /** The port of the gateway. */
  readonly port: number;
}

function partsOf({ status, headers, body }: Answer, { target, port }: Sent): Seen {
  const echoed = echoOf(body);
  const of = (pattern: RegExp): string =>
    JSON.stringify(Object.entries(headers).filter(([name]) => pattern.test(name)));
  const received = echoed ? JSON.stringify(sent(echoed)).replaceAll(String(port), 'port') : '';
  const shown = of(/^(?:www-authenticate|x-request-id)$/).replace(/"(?:urn:uuid:)?[\da-f]{8}-[\da-f-]{27}"/g, '"id"');
  return {
    status,
    parts: {
      routing: echoed ? `${echoed.method} ${echoed.url}` : '',
      target: String(target),
      headers: `${received} ${shown}`,
      cors: of(/^access-control-/),
      // What remains depends on the requests before, and so on every class.
      limits: of(/^(?:ratelimit-policy|x-ratelimit-limit)$/),
    },
  };
}

function echoOf(body: string): Echoed | undefined {
  if (!body.startsWith('{"method"')) return undefined;
  return JSON.parse(body) as Echoed;
}

/** Without the id of the request, and without the port of the upstream. */
function sent({ headers }: Echoed): object {
  return Object.entries(headers).map(([name, value]) => [name, /request-id|traceparent/.test(name) ? 'id' : value]);
}

const BEARER = async (claims: object): Promise<Asked['headers'] & object> => ({
  Authorization: `Bearer ${await secretToken(SECRET, { iss: 'https://own.example', aud: 'api', ...claims })}`,
});

async function requests(): Promise<readonly Asked[]> {
  const [reader, writer, stranger, old] = await Promise.all([
    BEARER({ scope: 'read', email: 'ada@example.com' }),
    BEARER({ scope: 'write', sub: 'bob' }),
    BEARER({ scope: 'read', aud: 'web' }),
    BEARER({ scope: 'read', exp: Math.floor(NOW / 1_000) - 45 }),
  ]);
  const [ci, cd] = KEYS.map((key) => ({ 'X-API-Key': key }));
  const paths = [
    '/api/1',
    '/keys/1',
    '/keys/admin',
    '/either/1',
    '/public/1',
    '/public/deep/er/path',
    '/beta/1',
    '/none',
  ];
  const each = paths.flatMap((path) => [{ path }, { path, headers: ci ?? {} }, { path, headers: reader }]);
  return [
    ...each,
    ...[writer, stranger, old].map((headers) => ({ path: '/api/1', headers })),
    { path: '/keys/1', headers: cd ?? {} },
    { path: '/keys/1', headers: { ...cd, 'X-Forwarded-For': '10.1.2.3' } },
    { path: '/keys/1', headers: { ...cd, 'X-Forwarded-For': '10.1.2.3' } },
    { path: '/keys/admin', headers: cd ?? {} },
    { path: '/beta/1', headers: { 'X-Beta': 'yes' } },
    { path: '/api/1', method: 'POST', headers: reader },
    { path: '/public/1', method: 'DELETE' },
    { path: '/public/1', headers: { Host: 'api.test' } },
    { path: '/public/1', headers: { Origin: 'https://page.example' } },
    {
      path: '/api/1',
      method: 'OPTIONS',
      headers: { Origin: 'https://page.example', 'Access-Control-Request-Method': 'GET' },
    },
    { path: '/public/1', headers: { 'X-User': 'forged', 'X-Real-IP': '1.1.1.1', 'X-Forwarded-For': '10.1.2.3' } },
    { path: '/public/slow' },
    { path: '/public/%2f' },
    ...Array.from({ length: 4 }, () => ({ path: '/public/1' })),
  ];
}

/** The classes of which one must be in the list if a request of one file has this status and the other has not. */
const BY_STATUS: Readonly<Record<number, readonly string[]>> = {
  204: ['cors', 'access'],
  400: ['access', 'routing', 'timeouts'],
  401: ['access'],
  403: ['access'],
  404: ['routing', 'access'],
  405: ['routing', 'access'],
  // Earlier requests that were refused have not counted.
  429: ['limits', 'access', 'routing', 'timeouts', 'cors', 'upstreams'],
  502: ['upstreams', 'timeouts'],
  503: ['upstreams', 'access'],
  504: ['timeouts'],
};

const BY_PART: Readonly<Record<string, readonly string[]>> = {
  routing: ['routing'],
  target: ['routing', 'upstreams'],
  headers: ['headers', 'access', 'routing'],
  cors: ['cors'],
  limits: ['limits', 'access'],
};

/** Each visible difference of one request: what it is, and the classes of which one must be in the list. */
export function explanationsOf(
  before: Seen,
  after: Seen,
): readonly { readonly what: string; readonly classes: readonly string[] }[] {
  if (before.status !== after.status) {
    const classes = [before.status, after.status].flatMap((status) => BY_STATUS[status] ?? []);
    return [{ what: `${before.status} -> ${after.status}`, classes }];
  }
  return Object.keys(before.parts).flatMap((part) => {
    const [was, is] = [before.parts[part], after.parts[part]];
    return was === is ? [] : [{ what: `${part}: ${was ?? ''} -> ${is ?? ''}`, classes: BY_PART[part] ?? [] }];
  });
}
