/** A running block of the Loom page: before an application of the host, or as the gateway that it describes. */
import { parse, stringify } from 'yaml';
import { loom, type Loom } from '../../src/loom.js';
import { serve } from '../../src/serve/serve.js';
import { ask, type Answer, type Question } from './ask.js';
import { HOSTS } from './hosts.js';
import { freePorts } from './ports.js';
import { quietLog, type Entry } from './quiet-log.js';
import { echoUpstream, type Echo } from './recording-upstream.js';
import { pageFile } from '../config/page-blocks.js';

/** What the application behind Loom received of a request. */
export interface Seen {
  readonly auth: { readonly method: string; readonly subject: string } | null;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly rawHeaders: readonly string[];
  readonly url: string;
}

export interface AtWork {
  readonly port: number;
  readonly log: readonly Entry[];
  ask(path: string, question?: Omit<Question, 'port' | 'path'>): Promise<Answer>;
}

export interface Guarding extends AtWork {
  readonly gate: Loom;
}

export interface Serving extends AtWork {
  readonly echo: Echo;
}

/** The page's block unchanged, except for what a test cannot reach: `[text of the page, text for the test]`. */
export function pageText(at: number, replaced: readonly (readonly [page: string, here: string])[] = []): string {
  return replaced.reduce((text, [page, here]) => {
    if (!text.includes(page)) throw new Error(`block ${at} of the page does not contain ${page}`);
    return text.replaceAll(page, here);
  }, pageFile(at));
}

const opened: (() => Promise<void>)[] = [];

/** Closes everything that was started since the last call, even after a failure. For `afterEach` or `afterAll`. */
export async function closeOpened(): Promise<void> {
  for (const close of opened.splice(0).reverse()) await close();
}

/** The block as a gateway, with the missing rest of the file: a plain listener, one guarded route, an upstream. */
export async function serving(text: string): Promise<Serving> {
  const echo = await echoUpstream();
  opened.push(() => echo.close());
  const [port = 0] = await freePorts(1);
  const rest = {
    listeners: [{ name: 'plain', address: `127.0.0.1:${port}`, protocol: 'http' }],
    routes: [{ id: 'everything', path: '/*', upstream: 'backend', auth: { require: true } }],
    upstreams: [{ name: 'backend', endpoints: [`127.0.0.1:${echo.port}`] }],
  };
  const whole = stringify({ ...rest, ...(parse(text) as object) });
  return { ...(await gateway(whole)), echo };
}

export interface GuardOptions {
  readonly now?: () => number;
}

/** The file as middleware of a plain `node:http` server, whose application answers with what it received. */
export async function guarding(text: string, { now }: GuardOptions = {}): Promise<Guarding> {
  const log = quietLog();
  const gate = loom({ text, file: 'loom.yaml' }, { log, ...(now && { now }) });
  await gate.ready;
  const plain = HOSTS.find(({ name }) => name === 'node:http');
  if (!plain) throw new Error('no node:http host');
  const host = await plain.start({
    gate,
    handler: ({ auth, headers, rawHeaders, url }, res) => {
      res.setHeader('Content-Type', 'application/json');
      res.end(JSON.stringify({ auth, headers, rawHeaders, url }));
    },
  });
  opened.push(async () => {
    await host.close();
    await gate.close();
  });
  gate.attach(host.server);
  return {
    gate,
    port: host.port,
    log: log.entries,
    ask: (path, question) => ask({ ...question, port: host.port, path }),
  };
}

/** A whole file as a gateway. `ask` goes to its first listener. */
export async function gateway(text: string): Promise<AtWork> {
  const log = quietLog();
  const gatekeeper = await serve({ text, file: 'loom.yaml' }, { log });
  opened.push(() => gatekeeper.stop({ timeout: 0 }));
  const port = gatekeeper.listening[0]?.port ?? 0;
  return { port, log: log.entries, ask: (path, question) => ask({ ...question, port, path }) };
}

/** The page's `:8443` may be in use here. A free port replaces it. */
export async function onPorts(text: string): Promise<string> {
  const [port = 0] = await freePorts(1);
  return text.replaceAll(':8443', `:${port}`);
}
