/** A file with three plugins, and modules of every kind for it. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromWat, pluginWat } from '../support/wat.js';
import { JWT } from './files.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-plugins-'));

/** For `afterAll`. */
export const removeModules = (): void => rmSync(folder, { recursive: true });

/** For `beforeAll`; the SHA-256 of `good.wasm`. */
export async function writeModules(): Promise<string> {
  const bytes = await fromWat(pluginWat());
  const modules: Readonly<Record<string, Uint8Array | string>> = {
    'good.wasm': bytes,
    'text.wasm': 'not a module',
    'empty.wasm': '',
    'cut.wasm': bytes.slice(0, bytes.length - 20),
    'abi.wasm': await fromWat(pluginWat({ abi: '0_9_0' })),
    'import.wasm': await fromWat(pluginWat({ imports: '(import "env" "fork" (func))' })),
    'wasi.wasm': await fromWat(pluginWat({ imports: '(import "wasi_snapshot_preview1" "fork" (func))' })),
    'open.wasm': await fromWat(pluginWat().replace('proxy_on_request_headers', 'proxy_on_http_request')),
    'large.wasm': await fromWat(pluginWat({ memory: '(memory (export "memory") 300)' })),
    'vectors.wasm': await fromWat(pluginWat({ body: '(func (drop (v128.const i32x4 0 0 0 0)))' })),
  };
  for (const [name, content] of Object.entries(modules)) writeFileSync(join(folder, name), content);
  return createHash('sha256').update(bytes).digest('hex');
}

export const path = (name: string): string => join(folder, name);
export const plugin = (name: string, more = ''): string => `  - { name: ${name}, path: "${path('good.wasm')}"${more} }`;

export interface Given {
  readonly auth?: string;
  readonly route?: string;
  readonly plugins?: readonly string[];
}

const PLUGINS = [plugin('one'), plugin('two', ', priority: 10'), plugin('three')];

export const file = ({
  auth = `{ jwt: ${JWT} }`,
  route = '',
  plugins = PLUGINS,
}: Given): string => `middleware: { auth: ${auth} }
routes:
  - { path: /a/*, upstream: u${route && `, ${route}`} }
upstreams: [{ name: u, endpoints: ["127.0.0.1:1"] }]
plugins:
${plugins.join('\n')}
`;
