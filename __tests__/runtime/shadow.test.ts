/** A shadow file: decisions about copies of live requests, and the report of those that would change. */
import { createServer } from 'node:http';
import { ask } from '../support/ask.js';
import { closed, listening } from '../support/recording-upstream.js';
import { shadowed, type Shadowed } from '../support/shadowed.js';

const KEY = 'sk_test_0123456789abcdef0123456789abcdef';
const OTHER = 'sk_test_fedcba9876543210fedcba9876543210';

const file = (
  routes: string,
  auth = `api_key: { keys: [{ key: ${KEY}, name: orders }, { key: ${OTHER}, name: ci }] }`,
) => ({
  text: `
middleware: { auth: { ${auth}, chain: [api_key] } }
routes:
${routes}`,
});

const LIVE = file(`
  - { id: open, path: /open/*, auth: none }
  - { id: guarded, path: /guarded/* }
  - { id: few, path: /few/*, auth: { api_key: { names: [ci] } } }`);

const running: Shadowed[] = [];
afterEach(() => Promise.all(running.splice(0).map((each) => each.close())));

async function start(...given: Parameters<typeof shadowed>): Promise<Shadowed> {
  const shadow = await shadowed(...given);
  running.push(shadow);
  return shadow;
}

const key = (value: string) => ({ headers: { 'X-API-Key': value } });

test('the same file decides nothing otherwise', async () => {
  const { send, after } = await start(LIVE, LIVE);
  for (const path of ['/open/a', '/guarded/a', '/few/a', '/none'])
    for (const headers of [{}, key(KEY).headers, key(OTHER).headers, key('wrong').headers])
      await send({ path, headers });
  expect(await after(16)).toMatchObject({
    state: 'active',
    requests: { same: 16, different: 0, not_evaluated: 0, dropped: 0 },
    differences: [],
  });
});

test('each changed decision has both outcomes, both routes, the callers and a sentence', async () => {
  const next = file(`
  - { id: closed, path: /open/*, auth: { api_key: true } }
  - { id: now-open, path: /guarded/*, auth: none }
  - { id: few, path: /few/*, auth: { api_key: { names: [orders] } } }`);
  const { send, after, entries } = await start(LIVE, next);
  expect((await send({ path: '/open/a?token=secret-of-a-client' })).status).toBe(200);
  expect((await send({ path: '/guarded/a' })).status).toBe(401);
  expect((await send({ path: '/guarded/a', ...key(KEY) })).status).toBe(200);
  expect((await send({ path: '/few/a', ...key(KEY) })).status).toBe(403);
  expect((await send({ path: '/few/a', ...key(OTHER) })).status).toBe(200);
  const { differences, requests, reload_errors } = await after(5);
  expect(requests).toEqual({ same: 0, different: 5, not_evaluated: 0, dropped: 0 });
  const told = differences.map(({ kind, from, to, why, callers, path, count }) => {
    const sides = [from, to].map(
      ({ outcome, status = 200, reason = '', route }) => `${outcome} ${status} ${reason} ${route}`,
    );
    return [kind, ...sides, why, callers, path, count];
  });
  const opened = 'the route "now-open" admits the request without an identity';
  const refused = 'api_key: "ci" does not satisfy names ("orders") of the route';
  const missing = 'api_key: no credential in header `X-Api-Key`';
  expect(told).toEqual([
    ['decision', 'open 200  open', 'absent 401 credential_missing closed', missing, [], '/open/a', 1],
    ['decision', 'absent 401 credential_missing guarded', 'open 200  now-open', opened, [], '/guarded/a', 1],
    ['decision', 'granted 200  guarded', 'open 200  now-open', opened, [{ live: 'api_key orders' }], '/guarded/a', 1],
    [
      'decision',
      'forbidden 403 not_allowed few',
      'granted 200  few',
      'the route "few" admits api_key orders',
      [{ candidate: 'api_key orders' }],
      '/few/a',
      1,
    ],
    ['decision', 'granted 200  few', 'forbidden 403 not_allowed few', refused, [{ live: 'api_key ci' }], '/few/a', 1],
  ]);
  // `auth: none` says that the path is opened on purpose.
  expect(reload_errors).toBeUndefined();
  const lines = entries.filter(({ words }) => words === 'the shadow file decides otherwise');
  expect(lines).toHaveLength(5);
  expect(lines[0]?.facts).toMatchObject({
    event: 'shadow',
    path: '/open/a',
    route: 'open',
    candidate_route: 'closed',
    from: 'open',
    to: 'absent 401 credential_missing',
  });
  expect(JSON.stringify([entries, differences])).not.toMatch(/secret-of-a-client|sk_test/);
});

test('another caller, other identity headers and another route of one outcome are differences of their own', async () => {
  const live = file('  - { id: a, path: /a/* }');
  const renamed = file('  - { id: a, path: /a/* }', `api_key: { keys: [{ key: ${KEY}, name: renamed }] }`);
  const headers = file(
    '  - { id: a, path: /a/* }',
    `api_key: { keys: [{ key: ${KEY}, name: orders }], claims_to_headers: { name: X-Caller } }`,
  );
  for (const [next, kind, why] of [
    [renamed, 'identity', 'the caller is api_key renamed, and now is api_key orders'],
    [headers, 'headers', 'the upstream gets other identity headers: X-Caller'],
  ] as const) {
    const { send, after } = await start(live, next);
    expect((await send({ path: '/a/1', ...key(KEY) })).status).toBe(200);
    const { differences } = await after(1);
    expect(differences).toMatchObject([{ kind, why, from: { outcome: 'granted' }, to: { outcome: 'granted' } }]);
  }
});

test('a file that a reload would refuse is evaluated, and the report says why', async () => {
  const { send, after, entries } = await start(
    LIVE,
    file('  - { id: open, path: /open/*, auth: none }\n  - { id: all, path: /*, auth: { require: false } }'),
  );
  await send({ path: '/guarded/a' });
  const { state, differences, reload_errors } = await after(1);
  expect(state).toBe('active');
  expect(differences).toMatchObject([{ from: { status: 401 }, to: { outcome: 'open' } }]);
  expect(reload_errors?.join()).toContain('/guarded');
  expect(entries.map(({ words }) => words)).toContain('a reload would refuse the shadow file');
});

test('a wrong file never stops the live file, and its next version is evaluated', async () => {
  const bad = { text: 'middleware: { auth: { api_key: { kees: [] } } }' };
  const { gate, send, entries } = await start(LIVE, bad);
  expect((await send({ path: '/open/a' })).status).toBe(200);
  expect((await send({ path: '/guarded/a' })).status).toBe(401);
  expect(gate.shadow()).toMatchObject({
    state: 'rejected',
    requests: { same: 0 },
    errors: [expect.stringContaining('kees')],
  });
  const [line] = entries.filter(({ level }) => level === 'error');
  expect(line).toMatchObject({ words: 'the shadow file is rejected', facts: { event: 'shadow' } });
  await gate.reload();
  expect(gate.shadow().state).toBe('rejected');
  const good = await start(LIVE, LIVE);
  await good.send({ path: '/open/a' });
  expect((await good.after(1)).state).toBe('active');
});

test('without a shadow file the state is off', async () => {
  const { gate, send } = await start(LIVE, undefined);
  expect((await send({ path: '/open/a' })).status).toBe(200);
  expect(gate.shadow()).toMatchObject({ state: 'off', differences: [] });
});

test('protect() of the host is evaluated by the auth methods of the shadow file', async () => {
  const next = file('  - { id: open, path: /open/*, auth: none }', `api_key: { keys: [{ key: ${OTHER}, name: ci }] }`);
  const { gate, after } = await start(LIVE, next);
  const guard = gate.protect({ api_key: { names: ['orders'] } });
  const server = createServer((req, res) => guard(req, res, () => res.end('served')));
  const guarded = await listening(server);
  expect((await ask({ port: guarded, ...key(KEY) })).status).toBe(200);
  const { not_evaluated, requests } = await after(1);
  // The key `orders` of the narrowing is not in the shadow file.
  expect(requests).toMatchObject({ not_evaluated: 1 });
  expect(not_evaluated[0]?.why).toContain('the code of the host requires');
  const any = gate.protect('api_key');
  server.removeAllListeners('request');
  server.on('request', (req, res) => any(req, res, () => res.end('served')));
  expect((await ask({ port: guarded, ...key(KEY) })).status).toBe(200);
  const { differences } = await after(2);
  expect(differences).toMatchObject([
    { from: { outcome: 'granted' }, to: { status: 401, reason: 'credential_invalid' } },
  ]);
  await closed(server);
});
