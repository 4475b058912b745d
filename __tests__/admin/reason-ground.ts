/** A gateway with one guarded route, and what its decisions and its page of cures say about a refused request. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { DecisionRecord } from '../../src/observe/decision-record.js';
import { serve, type Gatekeeper } from '../../src/serve/serve.js';
import { ask } from '../support/ask.js';
import { fromWat } from '../support/wat.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';

const running: Gatekeeper[] = [];
export const closeAll = (): Promise<unknown> => Promise.all(running.splice(0).map((each) => each.stop({ timeout: 0 })));

export interface ReasonGround {
  readonly port: number;
  send(
    headers?: object,
    rest?: { readonly method?: string; readonly body?: string; readonly path?: string },
  ): Promise<number>;
  /** The newest record with the reason. */
  record(reason: string): Promise<DecisionRecord | undefined>;
}

/**
 * `auth`: the blocks of the auth methods. `route`: the `auth` of the route. `rest`: further blocks of the file. `wat`:
 * the text of `plugin.wasm`.
 */
export async function groundOf(auth: string, route: string, rest = '', wat?: string): Promise<ReasonGround> {
  const [port = 0, admin = 0] = await freePorts(2);
  const folder = mkdtempSync(join(tmpdir(), 'loom-reasons-'));
  const file = join(folder, 'loom.yaml');
  if (wat !== undefined) writeFileSync(join(folder, 'plugin.wasm'), await fromWat(wat));
  writeFileSync(
    file,
    `
admin: { address: "127.0.0.1:${admin}" }
listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]
${auth && `middleware: { auth: { ${auth} } }`}
routes: [{ id: guarded, path: /*, upstream: backend, auth: ${route} }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:1"] }]
${rest}`,
  );
  running.push(await serve(file, { log: quietLog(), watch: false }));
  return {
    port,
    send: async (headers = {}, { path = '/', ...more } = {}) =>
      (await ask({ port, path, headers: { ...headers }, ...more })).status,
    record: async (reason) => {
      const { body } = await ask({ port: admin, path: `/decisions?reason=${reason}&limit=1` });
      return (JSON.parse(body) as { decisions: DecisionRecord[] }).decisions[0];
    },
  };
}

/** The row of a reason on the page of cures. */
export function cureOf(reason: string): string {
  const page = readFileSync(resolve(__dirname, '../../docs/troubleshooting.md'), 'utf8');
  const row = page.split('\n').find((line) => line.startsWith(`| \`${reason}\` |`) && line.split('|').length >= 6);
  return row?.split('|').at(-2)?.trim() ?? '';
}
