/** `loom-auth explain` of a file with plugins: which of them run, and what the explanation says of the others. */
import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Explanation } from '../../src/runtime/explain/explanation.js';
import { callback, CONTINUE, i32, made, PAUSE, type Kit } from '../support/wat-plugin.js';
import { explain, file } from './explain-run.js';

const EXAMPLE = resolve(__dirname, '../../examples/wasm-plugin/auth-rust.wasm');
const KEY = 'sk_example_orders';

async function module(name: string, build: Parameters<typeof made>[0]): Promise<string> {
  const path = join(dirname(file('folder.yaml', '')), `${name}.wasm`);
  writeFileSync(path, await made(build));
  return path;
}

const rules = (path: string, more = ''): string => `
plugins:
  - { name: gate, path: "${path}", credential_headers: [X-API-Key], timeout: 5s ${more} }
routes:
  - { id: orders, path: /orders/*, auth: { plugin: gate } }
  - { id: public, path: /public/*, auth: none }
upstreams: [{ name: far, endpoints: ["127.0.0.1:1"] }]
`;

async function explained(text: string, ...args: readonly string[]): Promise<Explanation> {
  const { stdout, stderr } = await explain([file('plugins.yaml', text), ...args, '--json']);
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Explanation;
}

const ORDERS = ['GET', 'https://a.example/orders/1'] as const;
const granting = (kit: Kit) => ({ onRequest: kit.grant() });

test('a plugin without upstreams decides, and its instance is named in a note', async () => {
  const right = await explained(rules(EXAMPLE), ...ORDERS, '-H', `X-API-Key: ${KEY}`);
  expect(right).toMatchObject({ allowed: true, needs: [], identities: [{ method: 'gate', subject: 'user123' }] });
  expect(right.notes.join(' ')).toContain('A plugin ran in an instance of its own');
  const wrong = await explained(rules(EXAMPLE), ...ORDERS, '-H', 'X-API-Key: sk_wrong');
  expect(wrong).toMatchObject({ allowed: false, status: 403, reason: 'plugin_refused', authMethod: 'gate' });
  expect(wrong.detail).toBe('gate: the plugin answered 403');
  expect(await explained(rules(EXAMPLE), ...ORDERS)).toMatchObject({ status: 401, reason: 'plugin_refused' });
});

test('a plugin with upstreams runs only with --online', async () => {
  const text = rules(await module('calling', granting), ', upstreams: [far]');
  const offline = await explained(text, ...ORDERS);
  expect(offline).toMatchObject({ outcome: 'undecided', needs: ['plugin'] });
  expect(offline.methods[0]?.detail).toContain('may call upstreams');
  expect(offline.notes.join(' ')).not.toContain('A plugin ran');
  expect(await explained(text, ...ORDERS, '--online')).toMatchObject({ allowed: true });
});

test('a plugin that reads bodies judges a request without a body', async () => {
  const body = callback('proxy_on_request_body', 3, CONTINUE);
  const path = await module('body', (kit) => ({ ...granting(kit), body }));
  const text = rules(path, ', phase: on_request_body');
  expect(await explained(text, ...ORDERS)).toMatchObject({ allowed: true });
  const sized = await explained(text, 'POST', 'https://a.example/orders/1', '-H', 'Content-Length: 3');
  expect(sized).toMatchObject({ outcome: 'undecided', needs: ['plugin'] });
  expect(sized.methods[0]?.detail).toContain('reads the body');
});

test('a plugin that does not start decides nothing, and other routes need no plugin', async () => {
  const text = rules(await module('refusing', () => ({ body: callback('proxy_on_configure', 2, i32(0)) })));
  const failed = await explained(text, ...ORDERS);
  expect(failed).toMatchObject({ allowed: false, status: 503, reason: 'plugin_unavailable' });
  expect(await explained(text, 'GET', 'https://a.example/public/1')).toMatchObject({ outcome: 'open', notes: [] });
});

test.each<readonly [string, Parameters<typeof made>[0], string]>([
  ['names no caller', () => ({}), 'the plugin continued without an identity: it set no `X-Authenticated-User`'],
  [
    'sets a name that no header can carry',
    (kit) => ({ onRequest: `${kit.set('X-Authenticated-User', 'x'.repeat(300))} ${CONTINUE}` }),
    'the plugin set a name that no header can carry',
  ],
  ['refuses', (kit) => ({ onRequest: `${kit.respond(401, 'no')} ${PAUSE}` }), 'the plugin answered 401'],
  ['traps', () => ({ onRequest: '(unreachable)' }), 'the plugin reached no decision: '],
])('the sentence of a plugin that %s', async (what, build, sentence) => {
  const { allowed, detail } = await explained(rules(await module(what.split(' ')[0] ?? '', build)), ...ORDERS);
  expect([allowed, detail]).toEqual([false, expect.stringContaining(`gate: ${sentence}`)]);
});
