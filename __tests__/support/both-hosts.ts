/**
 * One file in front of one upstream, in both ways: `loom()` in a node:http server, and `serve()`; in process or as a
 * process.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { loom } from '../../src/loom.js';
import { serve } from '../../src/serve/serve.js';
import { built, NODE } from './built.js';
import { ask, type Answer, type Question } from './ask.js';
import { freePorts } from './ports.js';
import { Background } from './process.js';
import { quietLog } from './quiet-log.js';
import { closed, listening } from './recording-upstream.js';

export interface Gateway {
  readonly port: number;
  ask(path: string, question?: Omit<Question, 'port' | 'path'>): Promise<Answer>;
  close(): Promise<void>;
}

export interface GatewayKind {
  readonly name: string;
  /** The file is without listeners. */
  readonly start: (text: string) => Promise<Gateway>;
}

const at = (port: number, close: () => Promise<void>): Gateway => ({
  port,
  ask: (path, question) => ask({ ...question, port, path }),
  close,
});

const withListener = (text: string, port: number): string =>
  `listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]\n${text}`;

async function middleware(text: string): Promise<Gateway> {
  const gate = loom({ text, file: 'loom.yaml' }, { log: quietLog() });
  await gate.ready;
  const sockets: Socket[] = [];
  const server = createServer((req, res) => gate(req, res, () => res.writeHead(418).end()));
  server.on('connection', (socket) => sockets.push(socket));
  gate.attach(server);
  const port = await listening(server);
  return at(port, async () => {
    await closed(server, sockets);
    await gate.close();
  });
}

async function served(text: string): Promise<Gateway> {
  const [port = 0] = await freePorts(1);
  const gateway = await serve({ text: withListener(text, port), file: 'loom.yaml' }, { log: quietLog() });
  return at(port, () => gateway.stop({ timeout: 0 }));
}

export const BOTH: readonly GatewayKind[] = [
  { name: 'loom() in node:http', start: middleware },
  { name: 'serve()', start: served },
];

export interface ChildGateway extends Gateway {
  /** The output of the process so far. */
  output(): string;
  /** `undefined` while the process runs. */
  ended(): number | null | undefined;
}

export interface ChildKind {
  readonly name: string;
  readonly start: (text: string) => Promise<ChildGateway>;
}

/** The program of a library user. */
const program = (index: string): string => `
import { createServer } from 'node:http';
import { loom } from '${index}';
const [file, port] = process.argv.slice(2);
const gate = loom(file);
await gate.ready;
const server = createServer((req, res) => gate(req, res, () => res.writeHead(418).end()));
gate.attach(server);
server.listen(Number(port), '127.0.0.1', () => console.log('listening'));
process.on('SIGTERM', () => process.exit(0));
`;

async function child(text: string, argsOf: (files: { file: string; folder: string; port: number }) => string[]) {
  const [port = 0] = await freePorts(1);
  const folder = mkdtempSync(join(tmpdir(), 'loom-child-'));
  const file = join(folder, 'loom.yaml');
  writeFileSync(file, withListener(text, port));
  const running = new Background(NODE, argsOf({ file, folder, port }));
  let end: number | null | undefined;
  void running.ended.then((code) => (end = code));
  const close = async (): Promise<void> => {
    await running.stop('SIGKILL');
    rmSync(folder, { recursive: true });
  };
  await running.until(/listening/);
  return { ...at(port, close), output: () => running.output, ended: () => end };
}

export const BOTH_AS_PROCESS: readonly ChildKind[] = [
  {
    name: 'loom() in node:http',
    start: (text) =>
      child(text, ({ file, folder, port }) => {
        const script = join(folder, 'server.mjs');
        writeFileSync(script, program(pathToFileURL(join(dirname(built()), '../index.js')).href));
        return [script, file, String(port)];
      }),
  },
  { name: 'serve', start: (text) => child(text, ({ file }) => [built(), 'serve', file]) },
];
