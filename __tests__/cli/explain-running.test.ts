/** `loom-auth explain --admin`: a running gateway explains a request, for an operator. */
import { serve } from '../../src/serve/serve.js';
import { ask } from '../support/ask.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';
import { explain } from './explain-run.js';

const KEY = 'sk_live_0123456789abcdef0123456789abcdef';
const OPERATOR = 'token-of-the-operator-02';
const env = { LOOM_ADMIN_TOKEN: OPERATOR };

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function open(): Promise<string> {
  return (await opened()).admin;
}

async function opened(): Promise<{ readonly admin: string; readonly port: number }> {
  const [port = 0, admin = 0] = await freePorts(2);
  const text = `
listeners: [{ name: plain, address: "127.0.0.1:${port}", protocol: http }]
admin: { address: "127.0.0.1:${admin}", auth: { operator: { token: ${OPERATOR} } } }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:1"] }]
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: orders }] }, chain: [api_key] } }
routes: [{ id: orders, path: /*, upstream: backend }]
`;
  const gate = await serve({ text, file: 'loom.yaml' }, { log: quietLog(), watch: false });
  closing.push(() => gate.stop({ timeout: 0 }));
  return { admin: `http://127.0.0.1:${admin}`, port };
}

test('the gateway decides, with the exit codes and the text of a file', async () => {
  const admin = await open();
  const allowed = await explain(['--admin', admin, 'GET', 'https://a.example/x', '-H', `X-API-Key: ${KEY}`], { env });
  expect([allowed.code, allowed.stdout]).toEqual([0, expect.stringMatching(/^ALLOWED \(granted\)[^]*caller +orders/)]);
  const denied = await explain(['--admin', admin, 'GET', 'https://a.example/x', '--json'], { env });
  expect([denied.code, JSON.parse(denied.stdout)]).toMatchObject([1, { reason: 'credential_missing' }]);
});

test('a pasted command goes there too, and the token may come from standard input', async () => {
  const admin = await open();
  const pasted = await explain(['--admin', admin, '--curl', '-'], {
    env,
    stdin: `curl https://a/x -H 'X-API-Key: ${KEY}'`,
  });
  expect(pasted.code).toBe(0);
  const typed = await explain(['--admin', admin, 'GET', 'https://a.example/x'], { stdin: `${OPERATOR}\n` });
  expect(typed.code).toBe(1);
});

test.each<readonly [string, string, Readonly<Record<string, string>>, RegExp]>([
  ['a wrong token', '', { LOOM_ADMIN_TOKEN: 'secret-token-of-another' }, /answered 401/],
  ['a token with a line end', '', { LOOM_ADMIN_TOKEN: 'secret\r\nX: y' }, /visible ASCII/],
  ['no token', '', {}, /set LOOM_ADMIN_TOKEN/],
  ['a user in the URL', 'ops:secret@', env, /no user and no password/],
])('%s is an error without its text', async (_name, user, given, words) => {
  const admin = (await open()).replace('http://', `http://${user}`);
  const { code, stderr, stdout } = await explain(['--admin', admin, 'GET', '/x', '-H', 'X-API-Key: secret'], {
    env: given,
  });
  expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(words)]);
  expect(stderr).not.toContain('secret');
});

test('a kept decision is shown by the instance that the client received', async () => {
  const { admin, port } = await opened();
  const secret = 'not-to-be-shown-0123456789';
  const answer = await ask({ port, path: '/orders?x=1', headers: { 'X-Api-Token': secret } });
  const { instance } = JSON.parse(answer.body) as { readonly instance: string };
  const { code, stdout } = await explain([instance, '--admin', admin], { env });
  expect([code, stdout]).toEqual([1, expect.stringMatching(/^reason: credential_missing$/m)]);
  expect(stdout).toMatch(/^cure: Send the credential where/m);
  expect(stdout).toMatch(/no credential in header `X-Api-Key`; the request has\s+`X-Api-Token`/);
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  const json = await explain([instance, '--admin', admin, '--json'], { env });
  expect(JSON.parse(json.stdout)).toMatchObject({ decisions: [{ instance, route: 'orders' }] });
  expect(stdout + json.stdout).not.toContain(secret);
});

test('an id needs the address of a gateway, and an unknown id is an error', async () => {
  const id = 'urn:uuid:574c8e5e-3c1f-4c1b-9d39-6a4e5f9b2d10';
  expect(await explain([id])).toMatchObject({ code: 2, stderr: expect.stringContaining('--admin') as string });
  expect(await explain([id, '--admin', await open()], { env })).toMatchObject({ code: 2, stdout: '' });
});

test('an address where no gateway answers is an error', async () => {
  const [port = 0] = await freePorts(1);
  const { code, stderr } = await explain(['--admin', `http://127.0.0.1:${port}`, 'GET', '/x'], { env });
  expect([code, stderr]).toEqual([2, expect.stringContaining('does not answer')]);
});
