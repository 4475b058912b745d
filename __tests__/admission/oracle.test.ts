/** No response reveals whether a user or key exists: same status, fields, body, and about the same work. */
import { createServer, type Server } from 'node:http';
import { hashSync } from 'bcryptjs';
import { loom, type Loom } from '../../src/loom.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';

let gate: Loom;
let server: Server;
let url: string;

beforeAll(async () => {
  const text = `
middleware:
  auth:
    basic:
      throttle: false
      users:
        - { username: dear, password_hash: "${hashSync('secret', 9)}" }
        - { username: cheap, password_hash: "${hashSync('secret', 4)}" }
    api_key: { keys: [{ key: key-of-alice, name: alice }] }
routes: [{ id: users, path: /users, auth: { basic: true } }, { id: keys, path: /keys, auth: { api_key: true } }]
`;
  gate = loom({ text, file: 'loom.yaml' }, { log: quietLog() });
  await gate.ready;
  server = createServer((req, res) => gate(req, res, () => res.end('in')));
  url = `http://127.0.0.1:${await listening(server)}`;
});

afterAll(async () => {
  await closed(server);
  await gate.close();
});

const basic = (user: string, password: string): Record<string, string> => ({
  Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

/** Everything of an answer that a client sees, but its time and its id. */
async function shape(path: string, headers: Record<string, string>): Promise<unknown> {
  const response = await fetch(url + path, { headers });
  const { instance, ...body } = (await response.json()) as Record<string, unknown>;
  expect(instance).toMatch(/^urn:uuid:/);
  return { status: response.status, headers: [...response.headers].filter(([name]) => name !== 'date'), body };
}

test('an unknown user, a wrong password and nonsense look the same', async () => {
  const wrong = await shape('/users', basic('dear', 'guess'));
  expect(wrong).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
  expect(await shape('/users', basic('nobody', 'guess'))).toEqual(wrong);
  expect(await shape('/users', basic('cheap', 'guess'))).toEqual(wrong);
  expect((await fetch(`${url}/users`, { headers: basic('dear', 'secret') })).status).toBe(200);
});

test('an unknown key looks like no user at all would, whatever it begins with', async () => {
  const wrong = await shape('/keys', { 'X-API-Key': 'nonsense' });
  expect(await shape('/keys', { 'X-API-Key': 'key-of-alic' })).toEqual(wrong);
  expect((await fetch(`${url}/keys`, { headers: { 'X-API-Key': 'key-of-alice' } })).status).toBe(200);
});

test('they take about the same time, the one with the cheaper hash too', async () => {
  const users = ['dear', 'cheap', 'nobody'] as const;
  const times = { dear: [] as number[], cheap: [] as number[], nobody: [] as number[] };
  // In turns, so that a machine that grows busy is busy for all of them.
  for (let at = 0; at < 16; at++) {
    for (const user of users) {
      const start = performance.now();
      await (await fetch(`${url}/users`, { headers: basic(user, `guess-${at}`) })).text();
      times[user].push(performance.now() - start);
    }
  }
  const median = (user: (typeof users)[number]): number => times[user].sort((a, b) => a - b)[8] ?? 0;
  // The cheap hash alone would take a thirtieth.
  for (const user of ['cheap', 'nobody'] as const) {
    expect(median(user) / median('dear')).toBeGreaterThan(0.25);
    expect(median(user) / median('dear')).toBeLessThan(4);
  }
});
