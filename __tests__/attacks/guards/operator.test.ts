/** Abuses of the admin address by a reader, a guesser and a page of another site, each beside an honest twin. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { eventStream } from '../../../src/admin/event-stream.js';
import { openAdmin, type AdminListener } from '../../../src/admin/listener.js';
import { json, type AdminPage, type StreamedPage } from '../../../src/admin/page.js';
import { pagesOf } from '../../../src/admin/pages.js';
import { LocalChannel } from '../../../src/admin/worker-channel.js';
import { compileFile } from '../../../src/config/index.js';
import type { PlannedAdmin } from '../../../src/config/plan-types.js';
import { errorsOf } from '../../config/files.js';
import { ask } from '../../support/ask.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';
import { until } from '../../support/until.js';

const READER = 'token-of-the-scraper-01';
const OPERATOR = 'token-of-the-operator-02';
const AUTH = `type: bearer, bearer: { token: ${READER} }`;

const running: AdminListener[] = [];
afterEach(() => Promise.all(running.splice(0).map((each) => each.close())));

/** Pages of each kind, beside those that every gateway has. */
const PAGES: readonly AdminPage[] = [
  { path: () => '/asked', role: 'operator', methods: ['POST'], answer: ({ body }) => json(200, { body }) },
  { path: () => '/secret/*', role: 'operator', methods: ['GET'], answer: ({ rest }) => json(200, { rest }) },
];

async function open(auth: string) {
  const [port = 0] = await freePorts(1);
  const text = `admin: { address: "127.0.0.1:${port}"${auth && `, auth: { ${auth} }`} }\nroutes: [{ path: /*, auth: none }]`;
  const { plan } = compileFile({ text, file: 'loom.yaml' }, { mode: 'middleware' });
  const log = quietLog();
  if (!plan.admin) throw new Error('the file has no admin address');
  const own = pagesOf({ plan: () => plan, state: () => 'ready', upstreams: () => [], channel: new LocalChannel() });
  running.push(await openAdmin(plan.admin, { log, plan: () => plan, pages: [...own, ...PAGES] }));
  const send = (path: string, headers: object = {}, rest: object = {}) =>
    ask({ port, path, headers: { ...headers }, ...rest });
  const post = (headers: object = {}, body = '{"a":1}') =>
    send('/asked', { 'Content-Type': 'application/json', ...headers }, { method: 'POST', body });
  return { port, log, send, post };
}

/** An endpoint with a stream that sends all the time, and whose configuration can be replaced. */
async function openStreaming() {
  const [port = 0] = await freePorts(1);
  const planOf = ({ token = READER }) => {
    const auth = `type: bearer, bearer: { token: ${token} }, operator: { token: ${OPERATOR} }`;
    const text = `admin: { address: "127.0.0.1:${port}", auth: { ${auth} } }\nroutes: [{ path: /*, auth: none }]`;
    return compileFile({ text, file: 'loom.yaml' }, { mode: 'middleware' }).plan;
  };
  let plan = planOf({});
  const start: StreamedPage['start'] = (stream) => {
    const timer = setInterval(() => stream.write(': more\n\n'), 5);
    return () => clearInterval(timer);
  };
  const pages: readonly AdminPage[] = [
    { path: () => '/stream', role: 'reader', methods: ['GET'], answer: () => eventStream(start) },
  ];
  running.push(await openAdmin(plan.admin as PlannedAdmin, { log: quietLog(), plan: () => plan, pages }));
  const follow = async (token: string) => {
    const asking = get({ port, path: '/stream', headers: bearer(token), agent: false });
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    let sent = 0;
    response.on('data', () => (sent += 1));
    return { status: response.statusCode, sent: () => sent, ended: () => response.readableEnded };
  };
  return { follow, replace: (parts: { token?: string }) => void (plan = planOf(parts)) };
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const basic = (pair: string) => ({ Authorization: `Basic ${Buffer.from(pair).toString('base64')}` });

describe('G-36 pages for operators', () => {
  test('the token of a reader is refused with the cure, and nothing else is a token', async () => {
    const { send, post } = await open(`${AUTH}, operator: { token: ${OPERATOR} }`);
    for (const answer of [await send('/secret/a', bearer(READER)), await post(bearer(READER))]) {
      expect(answer.status).toBe(403);
      expect(answer.body).toContain('admin.auth.operator');
    }
    for (const wrong of [{}, bearer(`${OPERATOR}x`), bearer(OPERATOR.toUpperCase()), basic(`:${OPERATOR}`)])
      expect([wrong, (await send('/secret/a', wrong)).status]).toEqual([wrong, 401]);
  });

  test('twin: the operator reads every page, and each call is in the audit log', async () => {
    const { send, post, log } = await open(`${AUTH}, operator: { token: ${OPERATOR} }`);
    expect(await send('/secret/a/b', bearer(OPERATOR))).toMatchObject({ status: 200, body: '{"rest":"a/b"}\n' });
    expect(await post(bearer(OPERATOR))).toMatchObject({ status: 200, body: '{"body":{"a":1}}\n' });
    expect((await send('/routes', bearer(OPERATOR))).status).toBe(200);
    expect((await send('/routes', bearer(READER))).status).toBe(200);
    const audited = log.entries.filter(({ facts }) => facts['event'] === 'audit').map(({ facts }) => facts);
    expect(audited).toMatchObject([
      { role: 'operator', path: '/secret/a/b', http_method: 'GET', status: 200, client: '127.0.0.1' },
      { role: 'operator', path: '/asked', http_method: 'POST', status: 200 },
    ]);
    expect(JSON.stringify(log.entries)).not.toMatch(/token-of-the/);
  });

  test('without an operator in the file these pages are closed, also on loopback, and say what to set', async () => {
    for (const auth of ['', AUTH]) {
      const { send } = await open(auth);
      const answer = await send('/secret/a', bearer(READER));
      expect([auth, answer.status]).toEqual([auth, 403]);
      expect(answer.body).toContain('set admin.auth.operator');
    }
  });

  test('twin: on loopback an operator needs no credential for readers beside', async () => {
    const { send } = await open(`operator: { token: ${OPERATOR} }`);
    expect((await send('/routes')).status).toBe(200);
    expect((await send('/secret/a')).status).toBe(401);
    expect((await send('/secret/a', bearer(OPERATOR))).status).toBe(200);
  });

  test('guesses spend a budget for each client, for each kind of credential', async () => {
    const kinds = [
      [AUTH, (at: number) => bearer(`guess-number-${at}`), bearer(READER), '/routes'],
      [
        'type: basic, basic: { username: ops, password: a-long-password-1 }',
        (at: number) => basic(`ops:guess-${at}`),
        basic('ops:a-long-password-1'),
        '/routes',
      ],
      [`operator: { token: ${OPERATOR} }`, (at: number) => bearer(`guess-number-${at}`), bearer(OPERATOR), '/secret/a'],
    ] as const;
    for (const [auth, guess, right, path] of kinds) {
      const { send } = await open(auth);
      for (let at = 0; at < 20; at++) expect((await send(path, guess(at))).status).toBe(401);
      // Above the budget a right guess looks as a wrong one.
      expect((await send(path, guess(20))).status).toBe(429);
      expect((await send(path, right)).status).toBe(429);
    }
  });

  test('twin: a credential that was proven before still works, and a request without one is no guess', async () => {
    const { send } = await open(`${AUTH}, operator: { token: ${OPERATOR} }`);
    expect((await send('/routes', bearer(READER))).status).toBe(200);
    for (let at = 0; at < 30; at++) expect((await send('/routes')).status).toBe(401);
    for (let at = 0; at < 25; at++) await send('/routes', bearer(`guess-number-${at}`));
    expect((await send('/routes', bearer(READER))).status).toBe(200);
    expect((await send('/secret/a', bearer(OPERATOR))).status).toBe(429);
  });

  test('a stream ends when a reload replaces the credential that opened it, and the old one opens none', async () => {
    const { follow, replace } = await openStreaming();
    const stream = await follow(READER);
    replace({ token: 'token-of-the-scraper-03' });
    await until(() => stream.ended());
    expect((await follow(READER)).status).toBe(401);
    expect((await follow('token-of-the-scraper-03')).status).toBe(200);
  });

  test('twin: a reload with the same credentials keeps the stream', async () => {
    const { follow, replace } = await openStreaming();
    const stream = await follow(READER);
    replace({});
    const before = stream.sent();
    await until(() => stream.sent() > before + 3);
    expect(stream.ended()).toBe(false);
  });

  test('the file: a short token, a token of a reader, and an open address are errors', () => {
    const file = (admin: string) => `admin: { ${admin} }\nroutes: [{ path: /*, auth: none }]`;
    const errors = (admin: string) =>
      errorsOf(file(admin), { mode: 'serve' })
        .map(({ message }) => message)
        .join('\n');
    expect(errors('auth: { operator: { token: short } }')).toContain('must be at least 16 characters');
    expect(errors(`auth: { ${AUTH}, operator: { token: ${READER} } }`)).toContain('also the credential of a reader');
    expect(errors(`address: ":9091", auth: { operator: { token: ${OPERATOR} } }`)).toContain('off loopback');
  });
});

describe('G-38 a page of another site', () => {
  const CROSS = [
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' },
  ];

  test('reaches no page for operators, with the right token too', async () => {
    const { send, post } = await open(`${AUTH}, operator: { token: ${OPERATOR} }`);
    for (const headers of CROSS) {
      expect([headers, (await post({ ...headers, ...bearer(OPERATOR) })).status]).toEqual([headers, 403]);
      expect([headers, (await send('/secret/a', { ...headers, ...bearer(OPERATOR) })).status]).toEqual([headers, 403]);
    }
    for (const headers of CROSS.slice(0, 4)) {
      expect([headers, (await send('/routes', { ...headers, ...bearer(READER) })).status]).toEqual([headers, 403]);
    }
  });

  test('a cookie and a query are no credential', async () => {
    const { send } = await open(`${AUTH}, operator: { token: ${OPERATOR} }`);
    expect((await send('/secret/a', { Cookie: `token=${OPERATOR}` })).status).toBe(401);
    expect((await send(`/secret/a?token=${OPERATOR}&access_token=${OPERATOR}`)).status).toBe(401);
  });

  test('a form cannot send the body, and the body is small', async () => {
    const { post, send } = await open(`operator: { token: ${OPERATOR} }`);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])
      expect((await post({ ...bearer(OPERATOR), 'Content-Type': type })).status).toBe(415);
    expect((await post(bearer(OPERATOR), JSON.stringify('x'.repeat(65_536)))).status).toBe(413);
    expect((await post(bearer(OPERATOR), '{')).status).toBe(400);
    const chunked = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked', ...bearer(OPERATOR) };
    expect((await send('/asked', chunked, { method: 'POST', body: '{}' })).status).toBe(411);
    expect((await send('/asked', bearer(OPERATOR))).status).toBe(405);
  });

  test('twin: a page of the address itself, and a link to a page for readers', async () => {
    const { port, send, post } = await open(`operator: { token: ${OPERATOR} }`);
    const own = { Origin: `http://127.0.0.1:${port}`, 'Sec-Fetch-Site': 'same-origin' };
    expect((await post({ ...own, ...bearer(OPERATOR) })).status).toBe(200);
    expect((await send('/secret/a', { ...own, ...bearer(OPERATOR) })).status).toBe(200);
    expect((await send('/routes', CROSS[4])).status).toBe(200);
    expect((await send('/health', CROSS[4])).status).toBe(200);
  });
});
