/** Abuses of the decisions that a gateway keeps: floods, foreign ids, long and secret values, each with an honest twin. */
import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createServer, get, request, type IncomingMessage } from 'node:http';
import { DecisionRing } from '../../../src/observe/decision-ring.js';
import { MAX_RECORD_BYTES, type DecisionRecord } from '../../../src/observe/decision-record.js';
import { DecisionRecords } from '../../../src/admission/decision-records.js';
import { contextOf } from '../../../src/context/request-context.js';
import { OwnRequest } from '../../../src/http/fields.js';
import { serve, type Gatekeeper } from '../../../src/serve/serve.js';
import { ask, askBytes, type Answer } from '../../support/ask.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';
import { until } from '../../support/until.js';
import { closed, listening } from '../../support/recording-upstream.js';

const KEY = 'sk_of_the_records_001';
const SECRETS = ['sk_wrong_key_abcdef', 'hunter2-password', 'secret-in-query', 'secret-in-cookie', 'eyJhbGciOi'];

const backend = createServer((_req, res) => res.end('hello'));
let backendPort = 0;
const running: Gatekeeper[] = [];
beforeAll(async () => void (backendPort = await listening(backend)));
afterEach(() => Promise.all(running.splice(0).map((each) => each.stop({ timeout: 0 }))));
afterAll(() => closed(backend));

const UUID = /^urn:uuid:[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

async function open(capacity: number, blocks = '') {
  const [port = 0, admin = 0] = await freePorts(2);
  const log = quietLog();
  const text = `
admin: { address: "127.0.0.1:${admin}", decisions: ${capacity} }
listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: alice }] }, basic: { users: [{ username: ops, password_hash: "$2y$04$abcdefghijklmnopqrstuuJ7i1w1y0Zc1c9wXv8u7t6s5r4q3p2o1" }] } } }
routes:
  - { id: keys, path: /keys/*, upstream: backend, auth: { api_key: true } }
  - { id: any, path: /any/*, upstream: backend, auth: { methods: [api_key, basic] } }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${backendPort}"] }]
trusted_proxies: [127.0.0.1]
${blocks}`;
  const gateway = await serve({ text, file: 'loom.yaml' }, { log });
  running.push(gateway);
  const read = async (
    path: string,
  ): Promise<{ decisions: readonly DecisionRecord[]; body: string; status: number }> => {
    const { body, status } = await ask({ port: admin, path });
    return { body, status, ...(JSON.parse(body) as { decisions: readonly DecisionRecord[] }) };
  };
  const send = (path: string, headers = {}): Promise<Answer> => ask({ port, path, headers });
  return { port, admin, log, read, send };
}

/** Follows the stream of new decisions. */
async function follow(admin: number) {
  const [asking, text] = [get({ port: admin, path: '/decisions/stream' }), { all: '' }];
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  response.on('data', (piece: Buffer) => (text.all += piece.toString()));
  const events = (name: string): readonly string[] =>
    [...text.all.matchAll(new RegExp(`^event: ${name}\\ndata: (.*)\\n\\n`, 'gm'))].map(([, data = '']) => data);
  return {
    records: () => events('decision').map((data) => JSON.parse(data) as DecisionRecord),
    dropped: () => events('dropped').reduce((sum, data) => sum + (JSON.parse(data) as { count: number }).count, 0),
    end: () => void asking.destroy(),
  };
}

const from = (client: string) => ({ 'X-Forwarded-For': client });

describe('G-37 the evidence stays', () => {
  test('1,000 junk requests of one client flush neither the grants nor the denials of others', async () => {
    const { send, read } = await open(100);
    await send('/keys/evidence', { ...from('192.0.2.7'), 'X-API-Key': 'sk_stolen_and_revoked' });
    await send('/keys/honest', { ...from('192.0.2.8'), 'X-API-Key': KEY });
    for (let at = 0; at < 1_000; at += 50)
      await Promise.all(Array.from({ length: 50 }, (_, n) => send(`/keys/junk-${at + n}`, from('198.51.100.1'))));
    const { decisions } = await read('/decisions?limit=1000');
    expect(decisions.filter(({ path }) => path === '/keys/evidence')).toHaveLength(1);
    expect(decisions.filter(({ path }) => path === '/keys/honest')).toHaveLength(1);
    expect(decisions.length).toBeLessThanOrEqual(100);
  });

  test('twin: one client alone may use all places of its kind', () => {
    const ring = new DecisionRing<number>(16);
    for (let at = 1; at <= 40; at++) ring.add('192.0.2.1', at);
    expect([...ring.newest()]).toEqual(Array.from({ length: 16 }, (_, at) => 40 - at));
  });

  test('the addresses of one IPv6 network have one part together', async () => {
    const records = new DecisionRecords({ capacity: 40, now: Date.now });
    const denied = (client: string) =>
      records.denied({ instance: `of ${client}`, status: 401, code: 'unauthorized', outcome: 'rejected', client });
    denied('2001:db8:9::1');
    for (let at = 0; at < 200; at++) denied(`2001:db8:1:2::${at.toString(16)}`);
    await new Promise((done) => setImmediate(done));
    expect(records.find({ limit: 100 })).toHaveLength(20);
    expect(records.find({ id: 'of 2001:db8:9::1', limit: 1 })).toHaveLength(1);
  });

  test('twin: a later client takes the places of a greedy one', () => {
    const ring = new DecisionRing<string>(16);
    ring.add('first', 'evidence');
    for (let at = 0; at < 100; at++) ring.add('greedy', `junk ${at}`);
    for (let at = 0; at < 8; at++) ring.add(`other ${at}`, `honest ${at}`);
    const kept = [...ring.newest()];
    expect(kept).toContain('evidence');
    expect(kept.filter((each) => each.startsWith('honest'))).toHaveLength(8);
    expect(kept).toHaveLength(16);
  });

  test('a flood of one client leaves places in the stream of new decisions', async () => {
    const { send, admin } = await open(100);
    const stream = await follow(admin);
    const junk = (): Promise<unknown> =>
      Promise.all(Array.from({ length: 200 }, (_, n) => send(`/keys/junk-${n}`, from('198.51.100.1'))));
    for (let turn = 0; turn < 3; turn += 1) {
      const flood = junk();
      await send(`/keys/evidence-${turn}`, { ...from('192.0.2.7'), 'X-API-Key': 'sk_stolen_and_revoked' });
      await send(`/keys/honest-${turn}`, { ...from('192.0.2.8'), 'X-API-Key': KEY });
      await flood;
    }
    const paths = (name: string) => stream.records().filter(({ path }) => path?.startsWith(`/keys/${name}`));
    await until(() => paths('evidence').length === 3 && paths('honest').length === 3);
    await until(() => paths('junk').length + stream.dropped() === 600);
    expect(stream.dropped()).toBeGreaterThan(100);
    stream.end();
  });

  test('twin: without a flood the stream has each decision, in their order', async () => {
    const { send, admin } = await open(100);
    const stream = await follow(admin);
    const paths = Array.from({ length: 20 }, (_, at) => `/keys/${at}`);
    for (const [at, path] of paths.entries()) await send(path, at % 2 === 0 ? {} : { 'X-API-Key': KEY });
    await until(() => stream.records().length === 20);
    expect(stream.records().map(({ path }) => path)).toEqual(paths);
    expect(stream.dropped()).toBe(0);
    stream.end();
  });

  test('a long request cannot remove who sent it and what was decided', async () => {
    const records = new DecisionRecords({ capacity: 10, now: Date.now });
    const facts = {
      status: 401,
      code: 'unauthorized',
      reason: 'token_issuer',
      outcome: 'rejected',
      http_method: 'GET',
    } as const;
    const line = { ...facts, instance: 'urn:uuid:1', client: '192.0.2.1', route: 'orders', host: 'h'.repeat(253) };
    for (const filler of ['\u65e5', '"', '\u0001', '\ud800'])
      records.denied({ ...line, path: filler.repeat(512), detail: filler.repeat(1_024) });
    await new Promise((done) => setImmediate(done));
    const found = records.find({ client: '192.0.2.1', route: 'orders', reason: 'token_issuer', limit: 10 });
    expect(found).toHaveLength(4);
    for (const record of found) {
      expect(record).toMatchObject({ ...facts, client: '192.0.2.1', shortened: true });
      expect(Buffer.byteLength(JSON.stringify(record))).toBeLessThanOrEqual(MAX_RECORD_BYTES);
    }
  });

  test('a sentence that cannot be built ends neither the process nor the record', async () => {
    const records = new DecisionRecords({ capacity: 10, now: Date.now });
    const context = contextOf(Object.create(OwnRequest.prototype) as IncomingMessage);
    const fails = (): string => {
      throw new Error('a bug');
    };
    const verdict = { kind: 'absent', challenges: [], detail: fails } as const;
    const outcome = { method: 'api_key', places: [], verdict, elapsedMs: 1, cache: undefined };
    context.methodOutcomes = [outcome, { ...outcome, method: 'basic' }];
    const facts = { status: 401, code: 'unauthorized', outcome: 'absent', client: '192.0.2.1' } as const;
    records.denied({ ...facts, instance: 'urn:uuid:1' }, context);
    await new Promise((done) => setImmediate(done));
    expect(records.find({ limit: 10 })).toMatchObject([{ ...facts, kind: 'denied' }]);
  });

  test('a request id that a client chooses is kept as a field, and masks no record', async () => {
    const { send, read } = await open(100, 'logging: { request_id: { header: X-Request-ID } }');
    await send('/keys/first', { 'X-Request-ID': 'chosen-by-the-client' });
    await send('/keys/second', { 'X-Request-ID': 'chosen-by-the-client' });
    const { decisions } = await read('/decisions/chosen-by-the-client');
    expect(decisions.map(({ path }) => path).sort()).toEqual(['/keys/first', '/keys/second']);
    for (const record of decisions) {
      expect(record).toMatchObject({ instance: 'chosen-by-the-client', request_id: 'chosen-by-the-client' });
      expect(record.id).toMatch(UUID);
      expect((await read(`/decisions/${record.id}`)).decisions).toMatchObject([{ path: record.path }]);
    }
    expect(decisions[0]?.id).not.toBe(decisions[1]?.id);
  });

  test('a record of the longest request is at most 2 KiB', async () => {
    const { port, send, read } = await open(100);
    const long = 'ü'.repeat(2_000);
    await send(`/any/${'x'.repeat(6_000)}`, {
      'X-API-Key': 'k'.repeat(4_000),
      Authorization: `Basic ${'YTpi'.repeat(500)}`,
    });
    await askBytes(
      port,
      `GET /any/${encodeURI(long).slice(0, 6_000)} HTTP/1.1\r\nHost: ${'h'.repeat(900)}\r\nX-API-Key: x\r\n\r\n`,
    );
    const { decisions } = await read('/decisions');
    expect(decisions).toHaveLength(2);
    for (const record of decisions)
      expect(Buffer.byteLength(JSON.stringify(record))).toBeLessThanOrEqual(MAX_RECORD_BYTES);
  });
});

describe('G-37 a kept record refers to nothing', () => {
  /** Node has no such function without a flag. */
  const collect = (): void => {
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
  };

  test.each(['denied', 'granted'] as const)('the request of a %s decision is not kept in memory', async (kind) => {
    const records = new DecisionRecords({ capacity: 100, now: Date.now });
    const requests: WeakRef<object>[] = [];
    // A loop keeps no variable of an earlier turn.
    for (let at = 0; at < 5; at += 1) requests.push(decide(records, { kind, at }));
    await new Promise((done) => setImmediate(done));
    expect(records.find({ limit: 10 }).map(({ path }) => path)).toEqual(['/4', '/3', '/2', '/1', '/0']);
    await until(() => {
      collect();
      return requests.every((each) => each.deref() === undefined);
    });
  });

  function decide(records: DecisionRecords, { kind, at }: { kind: 'denied' | 'granted'; at: number }): WeakRef<object> {
    const request = Object.assign(Object.create(OwnRequest.prototype) as IncomingMessage, {
      method: 'GET',
      url: `/${at}?token=${'secret'.repeat(1_000)}`,
      headers: { host: 'example' },
    });
    const context = contextOf(request);
    context.guard = { requirement: { kind: 'open' }, vary: [], challenges: new Map() };
    const line = { instance: `urn:${at}`, status: 404, code: 'no_route', outcome: 'unrouted', path: `/${at}` } as const;
    if (kind === 'denied') records.denied(line, context);
    else records.admitted(context);
    return new WeakRef(request);
  }
});

describe('G-30 no secret in a record', () => {
  test('credentials in right and wrong places, in the path and in the query', async () => {
    const { port, send, read, log } = await open(100);
    const [key, password, query, cookie, jwt] = SECRETS as [string, string, string, string, string];
    await send(`/any/a?api_key=${query}`, { 'X-API-Key': key, Authorization: `Basic ${btoa(`ops:${password}`)}` });
    await send(`/any/b%3ftoken=${query}`, { Authorization: `Bearer ${jwt}.e30.x`, Cookie: `session=${cookie}` });
    await send(`/any/c;jsessionid=${query}`, { 'X-Api-Token': key, Authorization: key });
    await send(`/keys/d?token=${query}`, { 'X-API-Key': KEY });
    await askBytes(port, `GET /any/${password}@x HTTP/1.1\r\nHost: ops:${password}@x\r\nAuthorization: ${key}\r\n\r\n`);
    const { body, decisions } = await read('/decisions');
    expect(decisions.length).toBe(5);
    for (const text of [body, JSON.stringify(log.entries)])
      for (const secret of [...SECRETS, KEY, btoa(`ops:${password}`)]) expect(text).not.toContain(secret);
  });

  test('marks of direction, line separators and controls of terminals are escaped', async () => {
    const { port, admin } = await open(100);
    await askBytes(port, 'GET /any/\u009b31m HTTP/1.1\r\nHost: x\r\nX-API-Key: y\r\n\r\n');
    await ask({ port, path: `/any/${encodeURIComponent('\u202e\u2028')}` });
    const { body } = await ask({ port: admin, path: '/decisions' });
    expect(body.trimEnd()).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e]/u);
  });
});

test('responses are equal with and without records', async () => {
  const raw = async (port: number, path: string, headers: object): Promise<string> =>
    new Promise((resolve, reject) => {
      const asking = request({ port, path, headers: { ...headers }, agent: false }, (res) => {
        let body = '';
        res.on('data', (piece) => (body += String(piece)));
        res.on('end', () => resolve(JSON.stringify([res.statusCode, res.rawHeaders, body])));
      });
      asking.on('error', reject).end();
    });
  const varying = /urn:uuid:[\da-f-]{36}|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT/g;
  const [on, off] = [await open(100), await open(0)];
  for (const [path, headers] of [
    ['/keys/a', {}],
    ['/keys/a', { 'X-API-Key': 'wrong' }],
    ['/keys/a', { 'X-API-Key': KEY }],
    ['/any/a', { Authorization: `Basic ${btoa('ops:x')}` }],
    ['/nothing', {}],
    ['/a/%2e%2e/b', {}],
  ] as const) {
    const [kept, none] = [await raw(on.port, path, headers), await raw(off.port, path, headers)];
    expect(kept.replace(varying, '…')).toBe(none.replace(varying, '…'));
  }
  expect((await on.read('/decisions')).decisions).toHaveLength(6);
  expect((await off.read('/decisions')).decisions).toEqual([]);
});
