/** A gateway in this process whose listeners take the PROXY protocol or Unix sockets, with an upstream that records. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve, type Gatekeeper } from '../../src/serve/serve.js';
import { ask, type Answer } from './ask.js';
import { attentiveUpstream, echo } from './attack-ground.js';
import { ENGINE_BLOCK } from './engine.js';
import type { Message } from './messages.js';
import { freePorts } from './ports.js';
import { quietLog, type Entry } from './quiet-log.js';

/** `office` is for the addresses of the honest client, `near` for those of the balancer and of this machine. */
export const OFFICE = 'X-API-Key: key-of-the-office-1234';
export const NEAR = 'X-API-Key: key-of-the-balancer-12';

const AUTH = `
middleware:
  auth:
    api_key:
      keys:
        - { key: key-of-the-office-1234, name: office, allowed_ips: [198.51.100.0/24, "2001:db8:5::/48"] }
        - { key: key-of-the-balancer-12, name: near, allowed_ips: [127.0.0.0/8, "::1", 10.0.0.0/8] }`;
const ROUTES = `
routes:
  - { id: keys, path: /keys/*, upstream: backend, auth: { api_key: true } }
  - { id: open, path: /open/*, upstream: backend, auth: none }`;

export interface Balanced {
  /** For `PORT1` and `PORT2`. */
  readonly ports: readonly [number, number];
  /** For `FOLDER`. */
  readonly folder: string;
  readonly gateway: Gatekeeper;
  readonly log: readonly Entry[];
  /** Requests that have reached the upstream since the last call. */
  arrived(): readonly Message[];
  page(path: string): Promise<Answer>;
  /** Changes the file and reloads it. */
  edit(change: (text: string) => string): Promise<void>;
}

const opened: (() => Promise<void>)[] = [];

export async function closeBalanced(): Promise<void> {
  await Promise.all(opened.splice(0).map((close) => close()));
}

/** Whole blocks of the file. */
export interface Blocks {
  readonly auth?: string;
  readonly routes?: string;
  readonly upstreams?: string;
  readonly top?: string;
}

/** Starts a gateway with these listeners and further blocks. */
export async function balanced(listeners: string, blocks: Blocks = {}): Promise<Balanced> {
  const { top = '', auth = AUTH, routes = ROUTES } = blocks;
  const folder = mkdtempSync(join(tmpdir(), 'loom-balanced-'));
  const upstream = await attentiveUpstream(echo);
  const [first = 0, second = 0, admin = 0] = await freePorts(3);
  const log = quietLog();
  const text = `
listeners:
${listeners}
${auth}
${routes}
${blocks.upstreams ?? `upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream.port}"] }]`}
admin: { address: "127.0.0.1:${admin}" }
metrics: { enabled: true }
${top}
${ENGINE_BLOCK}`
    .replaceAll('PORT1', String(first))
    .replaceAll('PORT2', String(second))
    .replaceAll('FOLDER', folder);
  const close = async (): Promise<void> => {
    await gateway?.stop({ timeout: 0 });
    await upstream.close();
    rmSync(folder, { recursive: true });
  };
  let gateway: Gatekeeper | undefined;
  opened.push(close);
  const file = join(folder, 'loom.yaml');
  writeFileSync(file, text);
  const running = (gateway = await serve(file, { log, watch: false }));
  const edit = async (change: (text: string) => string): Promise<void> => {
    writeFileSync(file, change(readFileSync(file, 'utf8')));
    await running.reload();
  };
  const page = (path: string): Promise<Answer> => ask({ port: admin, path });
  return { ports: [first, second], folder, gateway, log: log.entries, arrived: upstream.arrived, page, edit };
}
