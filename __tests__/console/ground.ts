/** A gateway with the console, and the sign-in of a page. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '../support/browser.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';
import { echoUpstream } from '../support/recording-upstream.js';
import { serve } from '../../src/serve/serve.js';

export const TOKEN = 'reader-token-0123456789';
export const OPERATOR = 'operator-token-0123456789';
export const KEY = 'sk_live_0123456789abcdef';
export const SECRET = 'a-shared-secret-of-thirty-two-bytes-or-more';

export interface ConsoleGround {
  /** The address of the console. */
  readonly url: string;
  /** The address of the listener. */
  readonly gateway: string;
  readonly log: ReturnType<typeof quietLog>;
  signIn(page: Page, view?: string): Promise<void>;
  reload(change: ConsoleFacts): Promise<void>;
  close(): Promise<void>;
}

export interface ConsoleFacts {
  /** The members of `admin.auth`. Default: the token. */
  readonly auth?: string;
  readonly token?: string;
  /** Lines of routes. */
  readonly routes?: string;
  /** Further blocks of the file. */
  readonly more?: string;
}

export async function startConsole(facts: ConsoleFacts = {}): Promise<ConsoleGround> {
  const echo = await echoUpstream();
  const [port = 0, admin = 0] = await freePorts(2);
  const folder = mkdtempSync(join(tmpdir(), 'loom-console-'));
  const file = join(folder, 'loom.yaml');
  const write = (each: ConsoleFacts): void => writeFileSync(file, textOf(each, { port, admin, echo: echo.port }));
  write(facts);
  const log = quietLog();
  const gateway = await serve(file, { log, watch: false });
  const url = `http://127.0.0.1:${admin}/`;
  return {
    url,
    gateway: `http://127.0.0.1:${port}`,
    log,
    signIn: async (page, view = 'access') => {
      await page.goto(`${url}#/${view}`);
      await page.getByLabel('Token').fill(TOKEN);
      await page.keyboard.press('Enter');
      await page.locator('#view-title').waitFor();
    },
    reload: async (change) => {
      write({ ...facts, ...change });
      await gateway.reload();
    },
    close: async () => {
      await gateway.stop({ timeout: 0 });
      await echo.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Ports {
  readonly port: number;
  readonly admin: number;
  readonly echo: number;
}

function textOf(
  { token = TOKEN, routes = '', more = '', ...facts }: ConsoleFacts,
  { port, admin, echo }: Ports,
): string {
  const auth = facts.auth ?? `type: bearer, bearer: { token: ${token} }, operator: { token: ${OPERATOR} }`;
  return `
listeners: [{ name: http, address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:${admin}"${auth && `, auth: { ${auth} }`} }
middleware:
  auth:
    api_key: { keys: [{ key: ${KEY}, name: alice }], claims_to_headers: { name: X-Key-Name } }
    jwt: { secret: ${SECRET}, issuer: "https://issuer.example", audience: orders }
routes:
  - { id: public, path: /public/*, upstream: echo, auth: none }
  - { id: orders, path: /orders/*, host: "*.example.com", methods: [GET, POST], upstream: echo, auth: { api_key: true } }
  - { id: api, path: /api/*, upstream: echo, auth: { methods: [jwt, api_key], require: true } }
  - { id: both, path: /both/*, upstream: echo, auth: { methods: [jwt, api_key], require_any: false }, rate_limit: { rate: 5, burst: 10 } }
  - { id: secret, path: /secret/*, headers: { X-Door: door-secret }, query: { page: page-secret }, upstream: echo, auth: { jwt: true } }
  - { id: maybe, path: /maybe/*, upstream: echo, auth: { jwt: true, require: false } }
${routes}
upstreams: [{ name: echo, endpoints: ["127.0.0.1:${echo}"] }]
rate_limit: { rate: 1000, burst: 2000, key: ip }
${more}
`;
}
