/** Abuses of a shadow file: it reaches no server, runs no code twice, and changes no answer. Each beside an honest twin. */
import { createServer as createTcpServer, type Socket } from 'node:net';
import type { IncomingMessage } from 'node:http';
import { hashSync } from 'bcryptjs';
import { memoryStore } from '../../auth/methods/api-key/store/memory-store.js';
import { askedServer, json, type AskedServer } from '../../tokens/introspection-server.js';
import { listening, closed } from '../../support/recording-upstream.js';
import { shadowed, type Shadowed } from '../../support/shadowed.js';
import { tokenIssuer, type TokenIssuer } from '../../support/token-issuer.js';

const KEY = 'sk_test_0123456789abcdef0123456789abcdef';
const running: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of running.splice(0).reverse()) await each.close();
});

async function start(...given: Parameters<typeof shadowed>): Promise<Shadowed> {
  const started = await shadowed(...given);
  running.push(started);
  return started;
}

async function recorder(): Promise<AskedServer> {
  const server = await askedServer(json({ keys: [], active: true, sub: 'mallory' }));
  running.push(server);
  return server;
}

async function issuing(): Promise<TokenIssuer> {
  const issuer = await tokenIssuer();
  running.push(issuer);
  return issuer;
}

const jwt = (url: string, more = '') => ({
  text: `
middleware:
  auth:
    jwt: { issuer: "${url}", jwks_url: "${url}/jwks", allow_insecure_http: true${more} }
    chain: [jwt]
routes: [{ id: a, path: /a/* }]`,
});
const oauth = (url: string, more = '') => ({
  text: `
middleware:
  auth:
    oauth: { introspection_url: "${url}/introspect", client_id: loom, client_secret: a-secret-of-loom, allow_insecure_http: true${more} }
    chain: [oauth]
routes: [{ id: a, path: /a/* }]`,
});
const bearer = (token: string) => ({ path: '/a/1', headers: { Authorization: `Bearer ${token}` } });

describe('G-40 the network', () => {
  test('the key set of a new URL is never fetched, and the report says that no decision was made', async () => {
    const [issuer, thief] = [await issuing(), await recorder()];
    const live = jwt(issuer.origin, ', audience: api.example.com');
    const next = { text: live.text.replace(`${issuer.origin}/jwks`, `${thief.origin}/jwks`) };
    const { send, after } = await start(live, next);
    const token = await issuer.token();
    expect((await send(bearer(token))).status).toBe(200);
    expect((await send(bearer('no-token'))).status).toBe(401);
    const { not_evaluated, requests } = await after(2);
    expect(requests).toMatchObject({ not_evaluated: 1, same: 1 });
    expect(not_evaluated[0]?.why).toContain('no key set');
    expect(thief.asked).toEqual([]);
  });

  test('twin: the key set of the live file is read, and a changed rule of the same issuer is evaluated', async () => {
    const issuer = await issuing();
    const { send, after } = await start(
      jwt(issuer.origin, ', audience: api.example.com'),
      jwt(issuer.origin, ', audience: other.example.com'),
    );
    const fetched = issuer.asked.length;
    expect((await send(bearer(await issuer.token()))).status).toBe(200);
    expect(
      (await send(bearer(await issuer.token({ sub: 'bob', aud: ['api.example.com', 'other.example.com'] })))).status,
    ).toBe(200);
    const { differences, requests } = await after(2);
    expect(requests).toMatchObject({ same: 1, different: 1 });
    expect(differences).toMatchObject([
      { from: { outcome: 'granted' }, to: { status: 401, reason: 'token_audience' } },
    ]);
    expect(differences[0]?.why).toContain('other.example.com');
    expect(issuer.asked.length).toBe(fetched);
  });

  test('a token with an unknown kid causes no request of the shadow file', async () => {
    const issuer = await issuing();
    const { send, after } = await start(jwt(issuer.origin, ', leeway: 1s'), jwt(issuer.origin, ', leeway: 2s'));
    await send(bearer(await issuer.token({}, { kid: 'forged-1' })));
    await after(1);
    const asked = issuer.asked.length;
    for (let at = 0; at < 20; at++) await send(bearer(await issuer.token({}, { kid: `forged-${at}` })));
    const { differences } = await after(21);
    expect(differences).toEqual([]);
    expect(issuer.asked.length).toBe(asked);
  });

  test('a new introspection URL receives no token and no client secret', async () => {
    const [live, thief] = [await recorder(), await recorder()];
    const { send, after } = await start(oauth(live.origin), oauth(thief.origin));
    expect((await send(bearer('a-token-of-a-client'))).status).toBe(200);
    expect((await send({ path: '/a/1' })).status).toBe(401);
    const { requests, not_evaluated } = await after(2);
    // Without a credential there is nothing to introspect.
    expect(requests).toMatchObject({ not_evaluated: 1, same: 1 });
    expect(not_evaluated).toMatchObject([{ count: 1 }]);
    expect(not_evaluated[0]?.why).toContain('oauth');
    expect(thief.asked).toEqual([]);
    expect(live.asked).toHaveLength(1);
  });

  test('twin: the answer to the live file counts for the shadow file, and each token is introspected once', async () => {
    const live = await recorder();
    const next = {
      text: oauth(live.origin).text.replace('path: /a/*', 'path: /a/*, auth: { oauth: { required_scopes: [write] } }'),
    };
    const { send, after } = await start(oauth(live.origin, ', cache_ttl: 0s'), {
      text: next.text
        .replace(' } ', ' } ')
        .replace('allow_insecure_http: true', 'allow_insecure_http: true, cache_ttl: 0s'),
    });
    for (let at = 0; at < 3; at++) expect((await send(bearer(`token-${at}`))).status).toBe(200);
    const { requests, differences } = await after(3);
    expect(requests).toMatchObject({ different: 3, not_evaluated: 0 });
    expect(differences).toMatchObject([{ count: 3, to: { status: 403, reason: 'insufficient_scope' } }]);
    expect(live.asked).toHaveLength(3);
  });

  test('Redis of a shadow file is never connected, and its limits count in memory of their own', async () => {
    const connections: Socket[] = [];
    const server = createTcpServer((socket) => void connections.push(socket));
    const port = await listening(server);
    running.push({ close: () => closed(server, connections) });
    const file = (limit: string) => ({ text: `routes: [{ id: a, path: /a/*, auth: none }]\nrate_limit: { ${limit} }` });
    const { send, after } = await start(
      file('default: { rate: 100/h, burst: 100 }'),
      file(`default: { rate: 2/h, burst: 2 }, distributed: { type: redis, address: "127.0.0.1:${port}" }`),
    );
    for (let at = 0; at < 5; at++) {
      const { status, headers } = await send({ path: '/a/1' });
      expect([status, headers['x-ratelimit-remaining'] ?? headers['ratelimit-remaining']]).toEqual([
        200,
        String(99 - at),
      ]);
    }
    const { differences } = await after(5);
    expect(differences).toMatchObject([{ count: 3, to: { outcome: 'limited', status: 429 } }]);
    expect(connections).toEqual([]);
  });
});

describe('G-40 code that must not run twice', () => {
  const hosted = (chain: string) => ({
    text: `middleware: { auth: { chain: [${chain}] } }\nroutes: [{ id: a, path: /a/* }]`,
  });

  function strategy() {
    const seen: IncomingMessage[] = [];
    const authenticate = function (this: { success(user: unknown): void; fail(): void }, req: IncomingMessage): void {
      seen.push(req);
      if (req.headers['x-user'] === undefined) this.fail();
      else this.success({ id: req.headers['x-user'] });
    };
    return { seen, strategy: { authenticate } };
  }

  test('a host strategy runs once, and its verdict counts for the same name', async () => {
    const { seen, strategy: custom } = strategy();
    const { send, after } = await start(hosted('custom'), hosted('custom'), { strategies: { custom } });
    expect((await send({ path: '/a/1', headers: { 'X-User': 'ada' } })).status).toBe(200);
    expect((await send({ path: '/a/1' })).status).toBe(401);
    expect((await after(2)).requests).toMatchObject({ same: 2 });
    expect(seen).toHaveLength(2);
  });

  test('twin: another strategy is not run, and no decision is made for it', async () => {
    const [one, two] = [strategy(), strategy()];
    const { send, after } = await start(hosted('one'), hosted('two'), {
      strategies: { one: one.strategy, two: two.strategy },
    });
    expect((await send({ path: '/a/1', headers: { 'X-User': 'ada' } })).status).toBe(200);
    const { not_evaluated } = await after(1);
    expect(not_evaluated).toMatchObject([{ count: 1 }]);
    expect(not_evaluated[0]?.why).toContain('two');
    expect([one.seen.length, two.seen.length]).toEqual([1, 0]);
  });

  const basic = (users: string, more = '') => ({
    text: `middleware: { auth: { basic: { users: [${users}]${more} }, chain: [basic] } }\nroutes: [{ id: a, path: /a/* }]`,
  });
  const user = (name: string, password: string) => `{ username: ${name}, password_hash: "${hashSync(password, 4)}" }`;
  const pair = (text: string) => ({
    path: '/a/1',
    headers: { Authorization: `Basic ${Buffer.from(text).toString('base64')}` },
  });

  test('a password is hashed for the live file alone: the same hash has the same result, another hash has none', async () => {
    const [ada, bob, newBob] = [user('ada', 'pa'), user('bob', 'pb'), user('bob', 'pc')];
    const { send, after } = await start(basic(`${ada}, ${bob}`), basic(`${ada}, ${newBob}`));
    expect((await send(pair('ada:pa'))).status).toBe(200);
    expect((await send(pair('ada:wrong'))).status).toBe(401);
    expect((await send(pair('bob:pb'))).status).toBe(200);
    expect((await send(pair('unknown:x'))).status).toBe(401);
    const { requests, not_evaluated } = await after(4);
    expect(requests).toMatchObject({ same: 3, not_evaluated: 1 });
    expect(not_evaluated).toMatchObject([{ count: 1 }]);
    expect(not_evaluated[0]?.why).toContain('has not compared the password');
  });

  test('failed attempts of the shadow file spend no budget of the live file, and it has a budget of its own', async () => {
    const ada = user('ada', 'pa');
    const { send, after } = await start(
      basic(ada, ', throttle: { failures: 6, per: 1h }'),
      basic(ada, ', throttle: { failures: 2, per: 1h }'),
    );
    for (let at = 0; at < 5; at++) expect((await send(pair('ada:wrong'))).status).toBe(401);
    // The budget of the live file has one attempt left.
    expect((await send(pair('ada:pa'))).status).toBe(200);
    const { differences } = await after(6);
    expect(differences).toMatchObject([
      { count: 3, from: { status: 401 }, to: { status: 429, reason: 'throttled' } },
      { count: 1, from: { outcome: 'granted' }, to: { status: 429, reason: 'throttled' } },
    ]);
  });
});

describe('G-40 a store of keys', () => {
  const storing = (more: string, store = '') => ({
    text: `
middleware:
  auth:
    api_key: { header: X-Token, store: { type: host${store} } }
    ${more}
    chain: [api_key${more === '' ? '' : ', oauth'}]
    require_any: true
routes: [{ id: a, path: /a/* }]`,
  });
  const shared = (url: string): string =>
    `oauth: { header: X-Token, introspection_url: "${url}/introspect", client_id: loom, client_secret: a-secret-of-loom, allow_insecure_http: true }`;

  async function withStore(live: { text: string }, next: { text: string }) {
    const keyStore = memoryStore();
    const started = await start(live, next, { keyStore });
    const { key } = await started.gate.keys.create({ name: 'ada' });
    return { ...started, keyStore, key };
  }
  const token = (value: string) => ({ path: '/a/1', headers: { 'X-Token': value } });

  test('a changed block never asks the store, and reports no decision that it could not make', async () => {
    const { send, after, keyStore, key } = await withStore(storing(''), storing('', ', cache_ttl: 7s'));
    expect((await send(token(key))).status).toBe(200);
    const asked = keyStore.asked.length;
    const { requests, differences, not_evaluated } = await after(1);
    expect({ requests, differences }).toMatchObject({ requests: { not_evaluated: 1, different: 0 }, differences: [] });
    expect(not_evaluated[0]?.why).toContain('asks the key store');
    expect(keyStore.asked).toHaveLength(asked);
  });

  test('a value that another method reads too is not taken for a key', async () => {
    const issuer = await recorder();
    const file = storing(shared(issuer.origin));
    const { send, after } = await withStore(file, file);
    expect((await send(token('opaque-token-of-the-issuer'))).status).toBe(200);
    expect((await after(1)).differences).toEqual([]);
  });

  test('twin: with the same block the verdict on a key is that of the live file', async () => {
    const { send, after, key } = await withStore(storing(''), storing(''));
    expect((await send(token(key))).status).toBe(200);
    expect((await send(token('sk_unknown_to_the_store'))).status).toBe(401);
    expect((await send({ path: '/a/1' })).status).toBe(401);
    expect(await after(3)).toMatchObject({ requests: { same: 3 }, differences: [], not_evaluated: [] });
  });
});

describe('G-40 the answers', () => {
  const live = `
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: orders }] }, chain: [api_key] } }
routes: [{ id: a, path: /a/* }, { id: open, path: /open, auth: none }]
cors: { allowed_origins: ["https://app.example.com"] }
rate_limit: { default: { rate: 1/h, burst: 1000 } }`;
  const strict = `
middleware: { auth: { api_key: { keys: [{ key: sk_test_another_key_of_another_file_01, name: x }] }, chain: [api_key] } }
trusted_proxies: [127.0.0.1]
routes: [{ id: all, path: /*, auth: { api_key: true } }]
cors: { allowed_origins: ["https://evil.example.com"] }
rate_limit: { default: { rate: 1/h, burst: 1 } }`;

  test('no byte of an answer depends on the shadow file', async () => {
    const now = (): number => Date.UTC(2026, 5, 1);
    const without = await start({ text: live }, undefined, { now });
    const beside = await start({ text: live }, { text: strict }, { now });
    const questions = [
      { path: '/a/1', headers: { 'X-API-Key': KEY } },
      { path: '/a/1' },
      { path: '/open', headers: { Origin: 'https://app.example.com', 'X-Forwarded-For': '10.9.8.7' } },
      {
        path: '/open',
        method: 'OPTIONS',
        headers: { Origin: 'https://evil.example.com', 'Access-Control-Request-Method': 'GET' },
      },
      { path: '/nowhere' },
      { path: '/a/%2e%2e/b' },
      { path: '/a/1', headers: { 'X-API-Key': [KEY, KEY] as never } },
    ];
    for (const question of [...questions, ...questions]) {
      const [one, two] = [await without.send(question), await beside.send(question)];
      expect([question, plain(two)]).toEqual([question, plain(one)]);
    }
    expect((await beside.after(14)).requests.different).toBeGreaterThan(2);
  });

  test('a shadow file that opens every path opens none', async () => {
    const { send, after } = await start({ text: live }, { text: 'routes: [{ id: all, path: /*, auth: none }]' });
    for (let at = 0; at < 50; at++) expect((await send({ path: '/a/1' })).status).toBe(401);
    expect((await after(50)).differences).toMatchObject([
      { count: 50, from: { status: 401 }, to: { outcome: 'open' } },
    ]);
    expect((await send({ path: '/a/1' })).status).toBe(401);
  });

  test('the report and the log have no credential of a request and no secret of a file', async () => {
    const { send, after, entries } = await start({ text: live }, { text: strict });
    await send({
      path: '/a/1;jsessionid=secret-session?access_token=secret-query',
      headers: { 'X-API-Key': 'secret-guess', Cookie: 'a=secret-cookie', Host: 'user:secret-host@x' },
    });
    await send({ path: '/a/1?k=secret-query', headers: { 'X-API-Key': KEY, Authorization: 'Bearer secret-bearer' } });
    const report = await after(2);
    expect(JSON.stringify([report, entries])).not.toMatch(/secret-|sk_test/);
  });
});

/** An answer without its date and without the random id of its denial. The clock of the gateways does not move. */
function plain({ status, headers, body }: Awaited<ReturnType<Shadowed['send']>>): object {
  const timeless = Object.entries(headers).filter(([name]) => name !== 'date');
  return { status, headers: Object.fromEntries(timeless), body: body.replace(/urn:uuid:[0-9a-f-]+/g, 'urn') };
}
