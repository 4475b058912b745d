/** Serves the real console beside pages with given values, for what no gateway sends or not this fast. */
import { createServer, type ServerResponse } from 'node:http';
import { consoleFile } from '../../src/admin/console-files.js';
import { closed, listening } from '../support/recording-upstream.js';
import type { Socket } from 'node:net';

export interface ScriptedGateway {
  readonly url: string;
  /** The values of the pages, by their paths. A path without a value is answered 404. */
  readonly pages: Map<string, unknown>;
  /** The bodies of the POST requests. */
  readonly asked: unknown[];
  /** Writes decisions into each open stream. Resolves when the streams can take more. */
  send(decisions: readonly object[]): Promise<void>;
  /** Writes an event of another name. */
  event(name: string, value: object): void;
  /** Breaks every stream. */
  breakStreams(): void;
  /** The number of streams that were opened. */
  readonly opened: () => number;
  close(): Promise<void>;
}

export async function startScripted(): Promise<ScriptedGateway> {
  const pages = new Map<string, unknown>();
  const asked: unknown[] = [];
  const streams = new Set<ServerResponse>();
  const sockets: Socket[] = [];
  let opened = 0;
  const server = createServer((req, res) => {
    const path = (req.url ?? '').split('?', 1)[0] ?? '';
    const file = consoleFile(path);
    if (file) return void res.writeHead(200, { 'Content-Type': file.type, ...file.headers }).end(file.body);
    if (path === '/decisions/stream') {
      opened += 1;
      streams.add(res.writeHead(200, { 'Content-Type': 'text/event-stream' }));
      res.flushHeaders();
      res.once('close', () => streams.delete(res));
      return;
    }
    let body = '';
    req.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    req.on('end', () => {
      if (req.method === 'POST') asked.push(JSON.parse(body));
      const value = pages.get(path);
      res.writeHead(value === undefined ? 404 : 200, { 'Content-Type': 'application/json' });
      res.end(JSON.stringify(value ?? { error: 'there is no such page' }));
    });
  }).on('connection', (socket) => sockets.push(socket));
  const port = await listening(server);
  const write = async (text: string): Promise<void> => {
    for (const stream of streams)
      if (!stream.write(text)) await new Promise((resolve) => stream.once('drain', resolve));
  };
  return {
    url: `http://127.0.0.1:${port}/`,
    pages,
    asked,
    send: (decisions) => write(decisions.map((each) => `event: decision\ndata: ${JSON.stringify(each)}\n\n`).join('')),
    event: (name, value) => void write(`event: ${name}\ndata: ${JSON.stringify(value)}\n\n`),
    breakStreams: () => streams.forEach((stream) => stream.destroy()),
    opened: () => opened,
    close: () => closed(server, sockets),
  };
}

const PAGES = ['/routes', '/status', '/decisions', '/explain', '/shadow', '/reloads', '/reasons'];

/** A state without faults, of a gateway with every page. */
export function statusValue(change: object = {}): object {
  const config = { file: 'loom.yaml', generation: 1, loadedAt: 0, warnings: [] };
  const memory = { rssBytes: 1, heapBytes: 1 };
  const process = { pid: 1, version: '1', node: 'v24', startedAt: 0, memory, config, sockets: 0 };
  const parts = { listeners: [], methods: [], upstreams: [] };
  return {
    now: 1,
    state: 'ready',
    pages: PAGES,
    operator: true,
    missing: [],
    processes: [{ ...process, ...parts }],
    ...change,
  };
}

let made = 0;

/** A record of a refused request. */
export function decisionValue(change: object = {}): object {
  made += 1;
  return {
    id: `urn:uuid:00000000-0000-4000-8000-${String(made).padStart(12, '0')}`,
    time: new Date(1_700_000_000_000 + made).toISOString(),
    kind: 'denied',
    outcome: 'rejected',
    status: 401,
    code: 'unauthorized',
    reason: 'token_expired',
    http_method: 'GET',
    host: 'api.example.com',
    path: `/orders/${made}`,
    route: 'orders',
    client: '192.0.2.1',
    ...change,
  };
}
