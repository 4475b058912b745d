import { Introspection, type IntrospectionOptions } from '../../src/tokens/introspection.js';
import type { IntrospectionAnswer } from '../../src/tokens/introspection-request.js';
import { until } from '../support/until.js';
import { askedServer, json, raw, type Answer, type AskedServer } from './introspection-server.js';

const START = 1_800_000_000_000;
let clock = START;
let server: AskedServer;
const open: Introspection[] = [];
const faults: string[] = [];

const perToken =
  (answers: Record<string, object>): Answer =>
  (asked, response) =>
    json(answers[new URLSearchParams(asked.body).get('token') ?? ''] ?? { active: false })(asked, response);

beforeEach(async () => {
  clock = START;
  faults.length = 0;
  server = await askedServer(json({ active: true, sub: 'alice' }));
});
afterEach(async () => {
  open.splice(0).forEach((each) => each.close());
  await server.close();
});

function introspection(change: Partial<IntrospectionOptions> = {}): Introspection {
  const made = new Introspection({
    url: `${server.origin}/introspect`,
    clientId: 'c',
    clientSecret: 's',
    authMethod: 'basic',
    timeoutMs: 5_000,
    allowInsecureHttp: false,
    cacheTtlMs: 300_000,
    cacheSize: 100,
    now: () => clock,
    report: (fault) => faults.push(fault.message),
    ...change,
  });
  open.push(made);
  return made;
}

const kind = async (asking: IntrospectionAnswer | Promise<IntrospectionAnswer>) => (await asking).kind;

test('an answer is cached for cache_ttl, then the server is asked again', async () => {
  const it = introspection();
  await it.ask('t');
  clock += 299_999;
  expect(it.ask('t')).not.toBeInstanceOf(Promise);
  expect(server.asked).toHaveLength(1);
  clock += 1;
  await it.ask('t');
  expect(server.asked).toHaveLength(2);
});

test('an answer is cached until exp at most', async () => {
  server.answer = json({ active: true, sub: 'a', exp: START / 1_000 + 10 });
  const it = introspection();
  await it.ask('t');
  clock += 9_999;
  await it.ask('t');
  expect(server.asked).toHaveLength(1);
  clock += 1;
  await it.ask('t');
  expect(server.asked).toHaveLength(2);
});

test('a clock set back does not extend the lifetime of a cached answer', async () => {
  const it = introspection();
  await it.ask('t');
  clock -= 3_600_000;
  await it.ask('t');
  expect(server.asked).toHaveLength(2);
});

test('an inactive answer is cached for ten seconds, and so is an active one that has expired', async () => {
  server.answer = perToken({ old: { active: true, sub: 'a', exp: START / 1_000 - 5 } });
  const it = introspection();
  for (const token of ['bad', 'old']) {
    await it.ask(token);
    await it.ask(token);
  }
  expect(server.asked).toHaveLength(2);
  clock += 10_000;
  await it.ask('bad');
  await it.ask('old');
  expect(server.asked).toHaveLength(4);
});

test('an inactive answer is cached no longer than a shorter cache_ttl, and cache_ttl 0 caches nothing', async () => {
  server.answer = perToken({ good: { active: true, sub: 'a' } });
  const it = introspection({ cacheTtlMs: 1_000 });
  await it.ask('bad');
  clock += 1_000;
  await it.ask('bad');
  expect(server.asked).toHaveLength(2);
  const forgetful = introspection({ cacheTtlMs: 0 });
  for (const token of ['good', 'good', 'bad', 'bad']) await forgetful.ask(token);
  expect(server.asked).toHaveLength(6);
});

test('forged tokens do not evict an honest one', async () => {
  server.answer = perToken({ good: { active: true, sub: 'a' } });
  const it = introspection({ cacheSize: 5 });
  await it.ask('good');
  for (let i = 0; i < 50; i += 1) await it.ask(`bad-${i}`);
  expect(it.ask('good')).toMatchObject({ kind: 'active' });
});

test('a failure is not cached', async () => {
  const it = introspection();
  server.answer = raw(500, '');
  await expect(it.ask('t')).rejects.toThrow('status 500');
  server.answer = json({ active: true, sub: 'a' });
  expect(await kind(it.ask('t'))).toBe('active');
});

test('2,000 requests with one token cause one introspection', async () => {
  const it = introspection();
  const answers = await Promise.all(Array.from({ length: 2_000 }, () => kind(it.ask('t'))));
  expect(new Set(answers)).toEqual(new Set(['active']));
  expect(server.asked).toHaveLength(1);
});

test('2,000 tokens are introspected a few at a time', async () => {
  let running = 0;
  let most = 0;
  server.answer = (_asked, response) => {
    most = Math.max(most, ++running);
    setTimeout(() => {
      running -= 1;
      response.end('{"active":false}');
    }, 2);
  };
  const it = introspection({ concurrency: 8, timeoutMs: 60_000 });
  const answers = await Promise.all(Array.from({ length: 2_000 }, (_each, i) => kind(it.ask(`bad-${i}`))));
  expect(new Set(answers)).toEqual(new Set(['inactive']));
  expect(most).toBeLessThanOrEqual(8);
});

test('a request that waits too long for its turn is rejected', async () => {
  let release: () => void = () => undefined;
  server.answer = (asked, response) => {
    if (asked.body === 'token=first') release = () => void response.end('{"active":false}');
    else response.end('{"active":false}');
  };
  const it = introspection({ concurrency: 1, timeoutMs: 300 });
  const first = kind(it.ask('first')).catch(() => 'late');
  await expect(it.ask('second')).rejects.toThrow(/waited too long/);
  release();
  await first;
  expect(await kind(it.ask('third'))).toBe('inactive');
});

describe('discovery', () => {
  const metadata =
    (change: object = {}): Answer =>
    (asked, response) => {
      const { origin } = server;
      if (asked.url === '/introspect') return json({ active: true, sub: 'a' })(asked, response);
      if (!asked.url.endsWith('/openid-configuration')) return raw(404, '')(asked, response);
      return json({ issuer: origin, introspection_endpoint: `${origin}/introspect`, ...change })(asked, response);
    };
  const discovering = (issuer = server.origin) => introspection({ url: undefined, issuer });

  test('the endpoint is taken from the metadata of the issuer', async () => {
    server.answer = metadata();
    const it = discovering();
    expect(await kind(it.ask('t'))).toBe('active');
    await it.ask('u');
    expect(server.asked.map(({ url }) => url).filter((url) => url === '/introspect')).toHaveLength(2);
    expect(server.asked).toHaveLength(4);
    expect(faults).toEqual([]);
  });

  test('RFC 8414 puts the well-known path before the issuer’s path', async () => {
    const issuer = `${server.origin}/tenant/`;
    server.answer = (asked, response) => {
      if (asked.url === '/introspect') return json({ active: true, sub: 'a' })(asked, response);
      if (asked.url !== '/.well-known/oauth-authorization-server/tenant') return raw(404, '')(asked, response);
      return json({ issuer, introspection_endpoint: `${server.origin}/introspect` })(asked, response);
    };
    expect(await kind(discovering(issuer).ask('t'))).toBe('active');
  });

  test.each<[string, () => object, RegExp]>([
    ['another issuer', () => ({ issuer: `${server.origin}/` }), /another issuer/],
    ['no endpoint', () => ({ introspection_endpoint: undefined }), /no introspection_endpoint/],
    ['another origin', () => ({ introspection_endpoint: 'https://evil.example/i' }), /origin/],
    ['another port', () => ({ introspection_endpoint: 'http://127.0.0.1:1/i' }), /origin/],
    ['plain http elsewhere', () => ({ introspection_endpoint: 'http://evil.example/i' }), /https/],
  ])('a document with %s is rejected', async (_name, change, words) => {
    server.answer = metadata(change());
    const it = discovering();
    await it.ready;
    await expect(Promise.resolve().then(() => it.ask('t'))).rejects.toThrow(words);
    expect(faults).toHaveLength(1);
    expect(server.asked.some(({ url }) => url === '/introspect')).toBe(false);
  });

  test('after a failure a timer retries, requests do not', async () => {
    server.answer = raw(500, '');
    const it = discovering();
    await it.ready;
    const before = server.asked.length;
    for (let i = 0; i < 20; i += 1)
      await expect(Promise.resolve().then(() => it.ask('t'))).rejects.toThrow('status 500');
    expect(server.asked).toHaveLength(before);
    server.answer = metadata();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await kind(it.ask('t'))).toBe('active');
  });
});

describe('an answer in use', () => {
  const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

  test('is refreshed before it expires, and no request waits for that', async () => {
    const it = introspection();
    await it.ask('t');
    clock += 239_999;
    expect(it.ask('t')).not.toBeInstanceOf(Promise);
    expect(server.asked).toHaveLength(1);
    clock += 1;
    for (let times = 0; times < 10; times++) expect(it.ask('t')).not.toBeInstanceOf(Promise);
    await until(() => server.asked.length > 1);
    await settled();
    expect(server.asked).toHaveLength(2);
    clock += 239_999;
    expect(it.ask('t')).not.toBeInstanceOf(Promise);
  });

  test('is removed at once if the server now answers inactive', async () => {
    const it = introspection();
    await it.ask('t');
    server.answer = json({ active: false });
    clock += 240_000;
    expect(await kind(it.ask('t'))).toBe('active');
    await until(() => server.asked.length > 1);
    await settled();
    expect(await kind(it.ask('t'))).toBe('inactive');
  });

  test('is used through a failure of the server until it expires, and the server is asked now and then', async () => {
    const it = introspection();
    await it.ask('t');
    server.answer = raw(500, '');
    for (let at = 0; at < 59; at++) {
      clock += 5_000;
      expect(await kind(it.ask('t'))).toBe('active');
      await settled();
    }
    expect(server.asked.length).toBeGreaterThan(2);
    expect(server.asked.length).toBeLessThan(8);
    clock += 5_000;
    await expect(it.ask('t')).rejects.toThrow('500');
  });
});

describe('a server that does not answer', () => {
  test('is asked by one request at a time after five silent failures in a row, and by all once it answers', async () => {
    server.answer = (_asked, response) => void response.destroy();
    const it = introspection();
    const fails = (token: string) => kind(it.ask(token)).catch((cause: Error) => cause.message);
    for (let at = 0; at < 5; at++) expect(await fails(`t${at}`)).toMatch(/exchange failed/);
    for (let at = 5; at < 50; at++) expect(await fails(`t${at}`)).toMatch(/not answered recently/);
    const asked = server.asked.length;
    clock += 1_000;
    // This attempt fails too. The wait is now twice as long, counted from this attempt.
    expect(await Promise.all(['a', 'b', 'c'].map(fails))).toEqual([
      expect.stringMatching(/exchange failed/),
      expect.stringMatching(/recently/),
      expect.stringMatching(/recently/),
    ]);
    clock += 1_999;
    expect(await fails('d')).toMatch(/recently/);
    expect(server.asked.length).toBe(asked + 1);
    server.answer = json({ active: true, sub: 'alice' });
    clock += 1;
    expect(await fails('e')).toBe('active');
    expect(await Promise.all(['f', 'g', 'h'].map(fails))).toEqual(['active', 'active', 'active']);
  });

  test('twin: any answer ends the silence', async () => {
    const it = introspection();
    server.answer = raw(500, '');
    for (let at = 0; at < 20; at++) await expect(it.ask(`t${at}`)).rejects.toThrow('500');
    server.answer = json({ active: true, sub: 'alice' });
    expect(await kind(it.ask('t'))).toBe('active');
  });
});
