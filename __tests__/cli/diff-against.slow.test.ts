/** `diff --against` and `/reloads` of `serve --workers`, whichever worker answers. */
import { readFileSync, writeFileSync } from 'node:fs';
import { ask } from '../support/ask.js';
import { freePorts } from '../support/ports.js';
import type { Background } from '../support/process.js';
import { loomAuth, start, write } from './command.js';

const OPERATOR = 'token-of-the-operator-0123456789';
let primary: Background;
let file: string;
let admin = 0;

beforeAll(async () => {
  const [port = 0, at = 0] = await freePorts(2);
  admin = at;
  file = write(
    'against.yaml',
    `
admin: { address: "127.0.0.1:${admin}", auth: { type: bearer, bearer: { token: token-of-the-reader-0123456789 }, operator: { token: ${OPERATOR} } } }
listeners: [{ name: main, address: "127.0.0.1:${port}" }]
middleware: { auth: { api_key: { keys: [{ key: key-of-the-client-0123456789abcdef, name: app }] } } }
routes: [{ path: /keys/*, upstream: backend, timeout: 30s, auth: { api_key: true } }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:1"] }]`,
  );
  primary = start(['serve', '--workers', '2', file]);
  await primary.until(/(?:[^]*"msg":"a worker serves"){2}/);
});
afterAll(() => primary.stop('SIGKILL'));

const against = (next: string, token = OPERATOR) =>
  loomAuth(['diff', '--against', `http://127.0.0.1:${admin}`, next], { env: { LOOM_ADMIN_TOKEN: token } });

test('any worker answers, also for an offer of another worker', async () => {
  const next = write('against-next.yaml', readFileSync(file, 'utf8').replace('timeout: 30s', 'timeout: 5s'));
  for (let i = 0; i < 4; i++) {
    expect(await against(next)).toEqual({
      code: 0,
      stdout: 'timeouts\n  /keys/*, timeout: 30s → 5s\n\n1 difference: 1 timeouts.\n',
      stderr: '',
    });
  }
  expect(await against(file)).toEqual({ code: 0, stdout: 'No caller sees a difference.\n', stderr: '' });
});

test('another token is refused with the reason, and is not in the output', async () => {
  const wrong = 'token-of-somebody-0123456789';
  const { code, stdout, stderr } = await against(file, wrong);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain('the gateway answered 401');
  expect(stderr).not.toContain(wrong);
});

test('after a reload each worker has the reload, and the others are named', async () => {
  writeFileSync(file, readFileSync(file, 'utf8').replace('timeout: 30s', 'timeout: 9s'));
  const reloads = async () => {
    const { body } = await ask({ port: admin, path: '/reloads', headers: { Authorization: `Bearer ${OPERATOR}` } });
    return JSON.parse(body) as {
      generation: number;
      others: { generation: number; last?: string }[];
      reloads: object[];
    };
  };
  for (let behind = true; behind;) {
    const { generation, others } = await reloads();
    behind = generation < 2 || others.length === 0 || others.some((each) => each.generation < 2);
  }
  const { others, reloads: list } = await reloads();
  expect(others).toMatchObject([{ generation: 2, last: 'taken' }]);
  expect(list).toMatchObject([{ trigger: 'file', outcome: 'taken', summary: { timeouts: 1 } }]);
});
