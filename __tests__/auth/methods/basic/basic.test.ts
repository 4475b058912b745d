import { createServer } from 'node:http';
import { hashSync } from 'bcryptjs';
import { basic, type RememberingBasicStrategy } from '../../../../src/auth/methods/basic/basic.js';
import { loom } from '../../../../src/loom.js';
import { quietLog } from '../../../support/quiet-log.js';
import { closed, listening } from '../../../support/recording-upstream.js';
import { atWork, serveMethod, type MethodAtWork, type MethodServer } from '../../../support/method-server.js';

const hashed = (password: string, cost = 4) => hashSync(password, cost);
const b64 = (text: string | Buffer) => Buffer.from(text).toString('base64');
const login = (user: string, password: string) => [`Authorization: Basic ${b64(`${user}:${password}`)}`];

const users = [
  { username: 'admin', password_hash: hashed('secret') },
  { username: 'a', password_hash: hashed('bc') },
  { username: 'colon', password_hash: hashed('x:y') },
  { username: 'jürgen', password_hash: hashed('pässword') },
  { username: 'empty', password_hash: hashed('') },
  { username: 'long', password_hash: hashed('x'.repeat(72)) },
];

const open: { server: MethodServer; work: MethodAtWork }[] = [];
async function serve(block: object, given: Parameters<typeof atWork>[2] = {}): Promise<MethodServer> {
  const work = atWork(basic, block, given);
  const server = await serveMethod(work);
  open.push({ server, work });
  return server;
}
afterAll(() => Promise.all(open.flatMap(({ server, work }) => [server.close(), work.strategy.close()])));

const challenges = [{ scheme: 'Basic', params: { realm: 'API Access', charset: 'UTF-8' } }];
const denied = { kind: 'rejected', status: 401, reason: 'credential_invalid', challenges };

describe('a server with users', () => {
  let server: MethodServer;
  beforeAll(async () => {
    server = await serve({ realm: 'API Access', users });
  });

  test('grants the right password', async () => {
    expect(await server.ask(login('admin', 'secret'))).toEqual({
      kind: 'granted',
      identities: [{ method: 'basic', subject: 'admin', name: 'admin', scopes: [], claims: { username: 'admin' } }],
    });
  });

  test.each([
    ['a password with a colon', login('colon', 'x:y')],
    ['letters beyond ASCII as UTF-8', login('jürgen', 'pässword')],
    ['an empty password where that is the password', login('empty', '')],
    ['a password of 72 bytes', login('long', 'x'.repeat(72))],
    ['the scheme in lower case', [`authorization: basic ${b64('admin:secret')}`]],
    ['two spaces after the scheme', [`Authorization: Basic  ${b64('admin:secret')}`]],
  ])('grants %s', async (_what, lines) => {
    expect(await server.ask(lines)).toMatchObject({ kind: 'granted' });
  });

  test('is absent without credentials, and for other schemes and headers', async () => {
    const absent = { kind: 'absent', challenges };
    expect(await server.ask()).toEqual(absent);
    expect(await server.ask(['Authorization: Bearer x'])).toEqual(absent);
    expect(await server.ask([`Authorization: XBasicY ${b64('admin:secret')}`])).toEqual(absent);
    expect(await server.ask([`Proxy-Authorization: Basic ${b64('admin:secret')}`])).toEqual(absent);
  });

  const good = b64('admin:secret');
  test.each([
    ['an empty pair', ['Authorization: Basic Og==']],
    ['a tab after the scheme', [`Authorization: Basic\t${good}`]],
    ['no base64', ['Authorization: Basic !!!!']],
    ['base64url', [`Authorization: Basic ${Buffer.from('jürgen:pässword?>').toString('base64url')}`]],
    ['white space inside', [`Authorization: Basic ${good.slice(0, 4)} ${good.slice(4)}`]],
    ['padding too much', [`Authorization: Basic ${good}=`]],
    ['padding left out', [`Authorization: Basic ${b64('admin:secre').replace(/=+$/, '')}`]],
    ['bits after the end', [`Authorization: Basic ${b64('a:bc').replace(/.=*$/, 'B==')}`]],
    ['no colon', [`Authorization: Basic ${b64('adminsecret')}`]],
    ['no user', [`Authorization: Basic ${b64(':secret')}`]],
    ['Latin-1', [`Authorization: Basic ${b64(Buffer.from('jürgen:pässword', 'latin1'))}`]],
    ['a byte order mark', login('\ufeffadmin', 'secret')],
    ['a wrong password', login('admin', 'Secret')],
    ['an empty password', login('admin', '')],
    ['an unknown user', login('nobody', 'secret')],
    ['the user in another case', login('Admin', 'secret')],
    ['a space after the user', login('admin ', 'secret')],
    ['another normal form of the user', login('jürgen'.normalize('NFD'), 'pässword')],
    ['a prototype name', login('__proto__', 'secret')],
    ['a NUL after the password', login('admin', 'secret\0x')],
    ['a NUL for an empty password', login('empty', '\0')],
    ['a NUL after the user', login('admin\0', 'secret')],
    ['a line break', login('admin', 'secret\r\nX: y')],
    ['73 bytes that begin right', login('long', 'x'.repeat(73))],
    ['8 KB', login('admin', 'x'.repeat(8000))],
    ['the hash for the password', login('admin', users[0]?.password_hash ?? '')],
  ])('rejects %s', async (_what, lines) => {
    expect(await server.ask(lines)).toMatchObject(denied);
  });

  test('an unknown user and a wrong password look the same', async () => {
    const unknown = await server.ask(login('nobody', 'x'));
    const wrong = await server.ask(login('admin', 'x'));
    expect({ ...unknown, credential: '' }).toEqual({ ...wrong, credential: '' });
  });

  test('two headers are 400', async () => {
    const twice = [...login('admin', 'secret'), ...login('admin', 'secret')];
    expect(await server.ask(twice)).toMatchObject({ kind: 'rejected', status: 400, reason: 'credential_duplicate' });
  });

  test('a remembered pair is not mistaken for one that joins to the same text', async () => {
    expect(await server.ask(login('a', 'bc'))).toMatchObject({ kind: 'granted' });
    expect(await server.ask(login('ab', 'c'))).toMatchObject(denied);
    expect(await server.ask(login('a', 'b'))).toMatchObject(denied);
  });
});

test('every prefix that bcrypt writes is met by its password', async () => {
  const body = hashed('yourpassword').slice(4);
  const server = await serve({
    users: ['a', 'b', 'y'].map((each) => ({ username: each, password_hash: `$2${each}$${body}` })),
  });
  for (const each of ['a', 'b', 'y']) {
    expect(await server.ask(login(each, 'yourpassword'))).toMatchObject({ identities: [{ subject: each }] });
    expect(await server.ask(login(each, 'otherpassword'))).toMatchObject({ kind: 'rejected' });
  }
});

test('a verified pair is remembered until its time is over; a wrong one is not', async () => {
  let now = 1_000_000;
  const work = atWork(basic, { users, cache_ttl: '5m' }, { now: () => now });
  const strategy = work.strategy as RememberingBasicStrategy;
  const server = await serveMethod(work, (request) => remembered.push(strategy.remembers(request)));
  const remembered: boolean[] = [];
  open.push({ server, work });
  await server.ask(login('admin', 'wrong'));
  await server.ask(login('admin', 'wrong'));
  await server.ask(login('admin', 'secret'));
  now += 299_999;
  await server.ask(login('admin', 'secret'));
  now += 1;
  await server.ask(login('admin', 'secret'));
  expect(remembered).toEqual([false, false, false, true, false]);
});

test('with cache_ttl 0s nothing is remembered', async () => {
  const work = atWork(basic, { users, cache_ttl: '0s' });
  const remembered: boolean[] = [];
  const server = await serveMethod(work, (request) =>
    remembered.push((work.strategy as RememberingBasicStrategy).remembers(request)),
  );
  open.push({ server, work });
  expect(await server.ask(login('admin', 'secret'))).toMatchObject({ kind: 'granted' });
  expect(await server.ask(login('admin', 'secret'))).toMatchObject({ kind: 'granted' });
  expect(remembered).toEqual([false, false]);
});

test('a flood of wrong passwords fills the queue: 503, never 401 nor an open door; afterwards the right one passes', async () => {
  const server = await serve({ users: [{ username: 'admin', password_hash: hashed('secret', 10) }] });
  const flood = await Promise.all(Array.from({ length: 100 }, (_each, i) => server.ask(login('admin', `wrong${i}`))));
  const full = flood.filter((each) => each.kind === 'unavailable');
  expect(full.length).toBeGreaterThan(0);
  expect(full[0]).toMatchObject({ kind: 'unavailable', reason: 'pool_full' });
  expect(flood.every((each) => each.kind === 'unavailable' || each.kind === 'rejected')).toBe(true);
  expect(await server.ask(login('admin', 'secret'))).toMatchObject({ kind: 'granted' });
});

test('many who send one right pair at once share one comparison', async () => {
  const server = await serve({ users: [{ username: 'admin', password_hash: hashed('secret', 8) }] });
  const all = await Promise.all(Array.from({ length: 100 }, () => server.ask(login('admin', 'secret'))));
  expect(all.every((each) => each.kind === 'granted')).toBe(true);
});

test('after close it is unavailable, never 401', async () => {
  const work = atWork(basic, { users });
  const server = await serveMethod(work);
  await work.strategy.close();
  expect(await server.ask(login('admin', 'secret'))).toMatchObject({
    kind: 'unavailable',
    reason: 'method_unavailable',
  });
  await server.close();
});

test('failures cost the same hashes for every user of a table with mixed costs', async () => {
  const { Users } = await import('../../../../src/auth/methods/basic/users.js');
  const table = [
    { username: 'low', password_hash: hashed('x', 4) },
    { username: 'high', password_hash: hashed('x', 7) },
  ];
  const mixed = new Users(basic.options.parse({ users: table }), { now: Date.now });
  const costs = (username: string) => {
    const { passwordHash, padding } = mixed.entryOf(username);
    return [passwordHash, ...padding].map((each) => each.slice(4, 6)).sort();
  };
  for (const user of ['low', 'high', 'nobody']) expect(costs(user)).toEqual(['04', '07']);
  await mixed.close();
});

describe('the block', () => {
  const hash = hashed('x');
  const refuses = (block: unknown) => expect(basic.options.safeParse(block).success).toBe(false);
  test.each(['$2x$', '$2$', '$1$', '$2b$99', 'plain'])('refuses a hash that begins with %s', (prefix) => {
    refuses({ users: [{ username: 'a', password_hash: prefix + hash.slice(prefix.length) }] });
  });
  test('refuses no users', () => {
    const findings = basic.findings(basic.options.parse({}));
    expect(findings).toEqual([expect.objectContaining({ level: 'error', path: ['users'] })]);
  });
  test.each([
    ['a hash cut short', { users: [{ username: 'a', password_hash: hash.slice(0, 59) }] }],
    [
      'a cost that would hold a worker for minutes',
      { users: [{ username: 'a', password_hash: hash.replace('$04$', '$31$') }] },
    ],
    ['the elided hash of the page', { users: [{ username: 'a', password_hash: '$2a$10$...' }] }],
    ['an empty list', { users: [] }],
    ['a user with a colon', { users: [{ username: 'a:b', password_hash: hash }] }],
    ['an empty user', { users: [{ username: '', password_hash: hash }] }],
    ['a number as a user', { users: [{ username: 7, password_hash: hash }] }],
    ['a plain password', { users: [{ username: 'a', password: 'x' }] }],
    ['a realm with a line break', { realm: 'x\r\nSet-Cookie: a', users: [{ username: 'a', password_hash: hash }] }],
  ])('refuses %s', (_what, block) => refuses(block));

  test('names a user that stands twice, and warns of a low cost', () => {
    const twice = basic.options.parse({
      users: [
        { username: 'a', password_hash: hash },
        { username: 'a', password_hash: hashed('y', 10) },
      ],
    });
    expect(basic.findings(twice)).toEqual([
      expect.objectContaining({ level: 'warning', path: ['users', 0, 'password_hash'] }),
      expect.objectContaining({ level: 'error', path: ['users', 1, 'username'] }),
    ]);
  });

  test('fills in the defaults', () => {
    expect(basic.options.parse({ users: [{ username: 'a', password_hash: hash }] })).toMatchObject({
      realm: 'loom',
      cache_ttl: 300_000,
      throttle: { failures: 20, per: 60_000 },
      forward_credentials: false,
    });
    expect(basic.options.parse({ users: [{ username: 'a', password_hash: hash }], throttle: false })).toMatchObject({
      throttle: false,
    });
  });
});

test('a narrowing lets the named users through; an unknown one is an error', () => {
  const identity = { method: 'basic', subject: 'admin', scopes: [], claims: {} };
  expect(basic.judge({ users: ['admin'] }, identity)).toBeUndefined();
  expect(basic.judge({ users: ['root'] }, identity)).toBe('not_allowed');
  expect(basic.unknownNames(basic.options.parse({ users }), { users: ['root'] })).toHaveLength(1);
});

test('a reload with another password forgets the remembered pair', async () => {
  const file = (password: string): { text: string; file: string } => {
    const users = `[{ username: ops, password_hash: "${hashed(password)}" }]`;
    const text = `middleware: { auth: { basic: { users: ${users} }, chain: [basic] } }\nroutes: [{ id: all, path: /* }]`;
    return { text, file: 'loom.yaml' };
  };
  const gate = loom(file('old'), { log: quietLog() });
  const server = createServer((req, res) => gate(req, res, () => res.end('in')));
  const url = `http://127.0.0.1:${await listening(server)}/`;
  const statuses = async (): Promise<readonly number[]> => {
    const asked: number[] = [];
    for (const password of ['old', 'old', 'new']) {
      const response = await fetch(url, { headers: { authorization: `Basic ${b64(`ops:${password}`)}` } });
      asked.push(response.status);
    }
    return asked;
  };
  expect(await statuses()).toEqual([200, 200, 401]);
  await gate.reload(file('new'));
  expect(await statuses()).toEqual([401, 401, 200]);
  await closed(server);
  await gate.close();
});
