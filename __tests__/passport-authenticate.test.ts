/** `gate.passport.authenticate` accepts every argument and option of Passport, and its refusals are those of Loom. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { hashSync } from 'bcryptjs';
import express from 'express';
import passport from 'passport';
import CustomStrategy from 'passport-custom';
import type { Identity } from '../src/auth/identity.js';
import type { PassportCallback, PassportInfo, PassportOptions } from '../src/gateway/passport-types.js';
import { loom } from '../src/loom.js';
import { ask, type Answer, type Question } from './support/ask.js';
import { quietLog } from './support/quiet-log.js';
import { closed, listening } from './support/recording-upstream.js';

const AUTH = `
    chain: [jwt]
    jwt: { algorithm: HS256, secret: "0123456789abcdef0123456789abcdef", audience: api }
    oauth: { introspection_url: "http://127.0.0.1:1/introspect", client_id: loom, client_secret: s, timeout: 1s, throttle: false }
    api_key: { query_param: key, claims_to_headers: { name: X-Key-Name }, keys: [{ key: key-of-alice, name: alice }, { key: key-of-bob, name: bob, rate_limit: { rate: 1, burst: 1 } }] }
    basic: { users: [{ username: ada, password_hash: "${hashSync('right', 4)}" }] }`;
const FILE = { text: `middleware:\n  auth:${AUTH}\n`, file: 'loom.yaml' };
const ALICE = { 'X-API-Key': 'key-of-alice' };
const OPAQUE = { Authorization: 'Bearer opaque' };

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

function gateOf(file = FILE) {
  const log = quietLog();
  const gate = loom(file, { log });
  open.push(() => gate.close());
  const denied = () => log.entries.filter(({ facts }) => facts['event'] === 'denied').map(({ facts }) => facts);
  return { gate, log, denied, authenticate: gate.passport.authenticate };
}

async function served(listener: RequestListener) {
  const server = createServer(listener);
  open.push(() => closed(server));
  const port = await listening(server);
  return (question: Omit<Question, 'port' | 'path'> & { path?: string } = {}): Promise<Answer> =>
    ask({ path: '/', ...question, port });
}

const show: RequestListener = (req, res) => {
  const { user = null, account = null } = req as IncomingMessage & { user?: Identity; account?: Identity };
  res.end(JSON.stringify({ user: user?.subject, account: account?.subject, header: req.headers['x-key-name'] }));
};
const shown = ({ body }: Answer): unknown => JSON.parse(body);

describe('the callback', () => {
  /** A host that accepts users by its own check, and returns the callback's arguments. */
  async function checked(name: string | readonly string[], way: 'two' | 'three' | 'inside' = 'three') {
    const { authenticate, denied, log } = gateOf();
    const told: Parameters<PassportCallback>[] = [];
    const ask = await served((req, res) => {
      const callback: PassportCallback = (...outcome) => {
        told.push(outcome);
        const [error, user] = outcome;
        res.statusCode = error ? 500 : user && user.subject === 'alice' ? 200 : 418;
        res.end();
      };
      const next = () => res.end('passed without the check');
      if (way === 'two') authenticate(name, callback)(req, res, next);
      else authenticate(name, { session: false }, callback)(req, res, next);
    });
    return { ask, told, denied, log };
  }

  test.each(['two', 'three'] as const)('decides, with %s arguments, for a valid credential too', async (way) => {
    const { ask, told } = await checked('api_key', way);
    expect((await ask({ headers: ALICE })).status).toBe(200);
    expect((await ask({ headers: { 'X-API-Key': 'key-of-bob' } })).status).toBe(418);
    expect(told.map(([error, user]) => [error, user && user.subject])).toEqual([
      [null, 'alice'],
      [null, 'bob'],
    ]);
  });

  test('receives a refusal, which the host answers', async () => {
    const { ask, told, denied } = await checked('api_key');
    expect(await ask()).toMatchObject({ status: 418, body: '' });
    expect((await ask({ headers: { 'X-API-Key': 'wrong' } })).headers).not.toHaveProperty('www-authenticate');
    expect(told).toEqual([
      [null, false, expect.objectContaining({ code: 'unauthorized', reason: 'credential_missing' }), 401],
      [null, false, expect.objectContaining({ challenges: ['ApiKey realm="loom"'] }), 401],
    ]);
    expect(denied().map(({ reason }) => reason)).toEqual(['credential_missing', 'credential_invalid']);
    expect(JSON.stringify(told)).not.toContain('wrong');
  });

  test('for a list of methods receives lists, one entry for each method that was tried', async () => {
    const { ask, told } = await checked(['jwt', 'api_key']);
    await ask({ headers: { 'X-API-Key': 'wrong' } });
    const [, , infos, statuses] = told[0] as [null, false, PassportInfo[], number[]];
    expect(infos.map(({ reason }) => reason)).toEqual(['credential_missing', 'credential_invalid']);
    expect(statuses).toEqual([401, 401]);
    expect((await ask({ headers: ALICE })).status).toBe(200);
  });

  test('gets an error if the credential cannot be checked, never a user', async () => {
    const { ask, told } = await checked(['oauth', 'jwt']);
    expect((await ask({ headers: OPAQUE })).status).toBe(500);
    expect(told).toEqual([[expect.objectContaining({ name: 'DeniedError', status: 503, code: 'unavailable' }), false]]);
    expect(told[0]?.[0]).toMatchObject({ headers: { 'Retry-After': expect.any(String) as string } });
  });

  test('gets an error if a key has no request left', async () => {
    const { ask, told } = await checked('api_key');
    for (let i = 0; i < 2; i++) await ask({ headers: { 'X-API-Key': 'key-of-bob' } });
    expect(told.map(([error]) => (error as { status?: number } | null)?.status)).toEqual([undefined, 429]);
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('a bug of the host');
      },
    ],
    ['rejects', () => Promise.reject(new Error('a bug of the host'))],
  ])('that %s is a 500, and neither a pass nor the end of the process', async (_how, callback) => {
    const { authenticate, log } = gateOf();
    const ask = await served((req, res) => authenticate('api_key', callback)(req, res, () => res.end('passed')));
    for (const headers of [ALICE, {}]) expect(await ask({ headers })).toMatchObject({ status: 500 });
    expect(log.entries.filter(({ level }) => level === 'error')).toHaveLength(2);
  });

  test('has the arguments of Passport', async () => {
    const own = new passport.Passport();
    own.use(
      'a',
      new CustomStrategy((req, done) => done(null, req.headers['x-api-key'] === 'key-of-alice' && { id: 1 })),
    );
    own.use('b', new CustomStrategy((_req, done) => done(null, false)));
    const { authenticate } = gateOf();
    const lengthOf = (value: unknown): number | undefined => (Array.isArray(value) ? value.length : undefined);
    const pairs: readonly (readonly [string | string[], string | string[]])[] = [
      ['a', 'api_key'],
      [
        ['b', 'a'],
        ['jwt', 'api_key'],
      ],
    ];
    for (const [theirs, ours] of pairs) {
      for (const headers of [ALICE, {}]) {
        const seen: unknown[] = [];
        const listen =
          (res: { end(): unknown }) =>
          (error: unknown, user: unknown, info?: unknown, status?: unknown): void => {
            seen.push([error, Boolean(user), lengthOf(info), lengthOf(status)]);
            res.end();
          };
        const next = () => undefined;
        const theirHost = await served((req, res) =>
          (own.authenticate(theirs, listen(res)) as ReturnType<typeof authenticate>)(req, res, next),
        );
        const ourHost = await served((req, res) => authenticate(ours, listen(res))(req, res, next));
        await theirHost({ headers });
        await ourHost({ headers });
        expect(seen).toHaveLength(2);
        expect(seen[1]).toEqual(seen[0]);
      }
    }
  });

  test.each<[string, readonly unknown[]]>([
    ['an invalid callback', ['api_key', {}, 'check']],
    ['invalid options', ['api_key', 'check']],
    ['an unknown method', ['saml']],
    ["Passport's own session strategy, which requires no credential", ['session']],
    ['a list with such a name', [['api_key', 'session']]],
    ['no method', [[]]],
  ])('TypeError: %s', (_what, given) => {
    const { authenticate } = gateOf();
    expect(() => (authenticate as (...all: readonly unknown[]) => unknown)(...given)).toThrow(TypeError);
  });

  test('twin: no options, null options and undefined options are accepted', async () => {
    const { authenticate } = gateOf();
    for (const options of [[], [undefined], [null], [undefined, undefined]]) {
      const handler = (authenticate as (...all: readonly unknown[]) => typeof show)('api_key', ...options);
      const ask = await served((req, res) =>
        (handler as ReturnType<typeof authenticate>)(req, res, () => show(req, res)),
      );
      expect(shown(await ask({ headers: ALICE }))).toMatchObject({ user: 'alice' });
    }
  });
});

describe('a refusal without a callback', () => {
  async function guarded(name: string | readonly string[], options?: PassportOptions) {
    const { authenticate, denied, log } = gateOf();
    // The host ignores errors, so any call of `next` passes.
    const ask = await served((req, res) => authenticate(name, options)(req, res, () => show(req, res)));
    return { ask, denied, log };
  }

  test.each<[string, string | readonly string[], Record<string, string>, number, string | undefined]>([
    ['no credential', 'api_key', {}, 401, 'ApiKey realm="loom"'],
    ['a wrong one', 'api_key', { 'X-API-Key': 'wrong' }, 401, 'ApiKey realm="loom"'],
    ['no token', 'jwt', {}, 401, 'Bearer realm="loom"'],
    ['an invalid token', 'jwt', OPAQUE, 401, 'Bearer realm="loom", error="invalid_token"'],
    ['none of several', ['jwt', 'basic'], {}, 401, 'Bearer realm="loom", Basic realm="loom", charset="UTF-8"'],
    ['an undecided token', 'oauth', OPAQUE, 503, undefined],
    ['an undecided token that another method might accept', ['oauth', 'jwt'], OPAQUE, 503, undefined],
  ])('%s: a response of Loom and one log line', async (_what, name, headers, status, challenge) => {
    const { ask, denied } = await guarded(name);
    const answer = await ask({ headers });
    expect(answer).toMatchObject({ status, headers: { 'cache-control': 'no-store' } });
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.headers['www-authenticate']).toBe(challenge);
    expect(denied()).toHaveLength(1);
    expect(JSON.parse(answer.body)).toMatchObject({ status, instance: denied()[0]?.['instance'] });
  });

  test('counts against the limit of a key, whatever the list', async () => {
    for (const name of ['api_key', ['jwt', 'api_key']]) {
      const { ask } = await guarded(name);
      const headers = { 'X-API-Key': 'key-of-bob' };
      expect(await ask({ headers })).toMatchObject({ status: 200, headers: { 'cache-control': 'private' } });
      expect(await ask({ headers })).toMatchObject({ status: 429 });
      expect(await ask({ headers: ALICE })).toMatchObject({ status: 200 });
    }
  });

  test('is a cross-site refusal if the browser sends the credential automatically', async () => {
    const { ask } = await guarded('basic');
    const headers = { Authorization: `Basic ${Buffer.from('ada:right').toString('base64')}` };
    const from = (origin: string) =>
      ask({ method: 'POST', headers: { ...headers, Origin: origin, Host: 'shop.example' } });
    expect((await from('https://evil.example')).status).toBe(403);
    expect((await from('http://shop.example')).status).toBe(200);
  });

  test('a doubled credential ends a list', async () => {
    const { ask } = await guarded(['api_key', 'jwt']);
    expect((await ask({ path: '/?key=key-of-bob', headers: ALICE })).status).toBe(400);
    expect((await ask({ path: '/?key=key-of-alice' })).status).toBe(200);
  });

  test('with failWithError goes to the error handler of the host', async () => {
    const { authenticate, denied } = gateOf();
    const app = express();
    app.get('/:name', (req, res, next) => authenticate(req.params.name, { failWithError: true })(req, res, next));
    app.use((error: { status: number; name: string }, _req: unknown, res: express.Response, next: unknown) => {
      void next;
      res.status(error.status).json(error.name);
    });
    const ask = await served(app);
    expect(await ask({ path: '/api_key' })).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'ApiKey realm="loom"', 'cache-control': 'no-store' },
      body: '"AuthenticationError"',
    });
    expect(await ask({ path: '/oauth', headers: OPAQUE })).toMatchObject({ status: 503, body: '"DeniedError"' });
    expect(denied()).toHaveLength(2);
  });
});

describe('the options of Passport', () => {
  interface Session {
    messages?: string[];
    regenerate(done: () => void): void;
    save(done: () => void): void;
  }
  async function application(build: (app: express.Express, made: ReturnType<typeof gateOf>) => void) {
    const made = gateOf();
    const app = express();
    const session: Session = { regenerate: (done) => done(), save: (done) => done() };
    const flashed: unknown[] = [];
    app.use((req, _res, next) => {
      Object.assign(req, { session, flash: (...words: unknown[]) => flashed.push(words) });
      next();
    });
    build(app, made);
    return { ask: await served(app), session, flashed, ...made };
  }

  test('failureRedirect, failureMessage and failureFlash apply to refusals', async () => {
    const { ask, session, flashed, denied } = await application((app, { authenticate }) => {
      const options = { failureRedirect: '/login', failureMessage: 'log in', failureFlash: true };
      app.get('/', authenticate('api_key', options), show as express.RequestHandler);
      app.get('/oauth', authenticate('oauth', options), show as express.RequestHandler);
      app.get('/message', authenticate('api_key', { failureMessage: true }), show as express.RequestHandler);
    });
    expect(await ask()).toMatchObject({ status: 302, headers: { location: '/login', 'cache-control': 'no-store' } });
    expect(session.messages).toEqual(['log in']);
    expect(flashed).toEqual([['error', 'A valid credential is required']]);
    expect(await ask({ path: '/message' })).toMatchObject({ status: 401 });
    expect(session.messages).toEqual(['log in', 'A valid credential is required']);
    // An outage is not a failed login.
    expect(await ask({ path: '/oauth', headers: OPAQUE })).toMatchObject({ status: 503 });
    expect((await ask({ headers: ALICE })).status).toBe(200);
    expect(denied()).toHaveLength(3);
  });

  test('successRedirect, assignProperty and authorize apply to identities', async () => {
    const { ask } = await application((app, { authenticate, gate }) => {
      app.get('/redirect', authenticate('api_key', { successRedirect: '/home' }));
      app.get('/assigned', authenticate('api_key', { assignProperty: 'account' }), show as express.RequestHandler);
      const first = authenticate('api_key');
      app.get(
        '/both',
        first,
        gate.passport.authorize('api_key', { failureRedirect: '/' }),
        show as express.RequestHandler,
      );
      app.get('/authorized', gate.passport.authorize('api_key'), show as express.RequestHandler);
    });
    expect(await ask({ path: '/redirect', headers: ALICE })).toMatchObject({
      status: 302,
      headers: { location: '/home' },
    });
    expect((await ask({ path: '/redirect' })).status).toBe(401);
    const header = 'alice';
    expect(shown(await ask({ path: '/assigned', headers: ALICE }))).toEqual({ account: 'alice', header });
    expect(shown(await ask({ path: '/authorized', headers: ALICE }))).toEqual({ account: 'alice', header });
    expect(shown(await ask({ path: '/both', headers: ALICE }))).toEqual({ user: 'alice', account: 'alice', header });
    expect((await ask({ path: '/authorized' })).status).toBe(401);
  });

  test('authorize forwards its callback', async () => {
    const { gate } = gateOf();
    const ask = await served((req, res) =>
      gate.passport.authorize('api_key', {}, (_error, user) => res.end(`told of ${user && user.subject}`))(
        req,
        res,
        () => res.end('passed'),
      ),
    );
    expect((await ask({ headers: ALICE })).body).toBe('told of alice');
    expect((await ask()).body).toBe('told of false');
  });

  test('a session is started if the host requests it', async () => {
    const { ask, session } = await application((app, { authenticate, gate }) => {
      app.get('/', authenticate('api_key'), show as express.RequestHandler);
      app.get('/login', authenticate('api_key', { session: true }), show as express.RequestHandler);
      gate.passport.serializeUser(({ subject }, done) => done(null, subject));
    });
    expect((await ask({ headers: ALICE })).status).toBe(200);
    expect(session).not.toHaveProperty('passport');
    expect((await ask({ path: '/login' })).status).toBe(401);
    expect(session).not.toHaveProperty('passport');
    expect((await ask({ path: '/login', headers: ALICE })).status).toBe(200);
    expect(session).toMatchObject({ passport: { user: 'alice' } });
  });

  test('initialize sets the property name of the user', async () => {
    const { gate } = gateOf();
    const initialize = gate.passport.initialize({ userProperty: 'account' });
    const authenticate = gate.passport.authenticate('api_key');
    const ask = await served((req, res) => initialize(req, res, () => authenticate(req, res, () => show(req, res))));
    expect(shown(await ask({ headers: ALICE }))).toEqual({ account: 'alice', header: 'alice' });
  });
});

test('a reload that would remove a method that the host uses keeps the old routes', async () => {
  const { gate, authenticate } = gateOf();
  const ask = await served((req, res) => authenticate('api_key')(req, res, () => res.end('in')));
  expect((await ask({ headers: ALICE })).status).toBe(200);
  const without = { ...FILE, text: FILE.text.replace(/ {4}api_key.*\n/, '') };
  await expect(gate.reload(without)).rejects.toThrow(/api_key/);
  expect((await ask({ headers: ALICE })).status).toBe(200);
});

test('a header that Loom sets from an identity never comes from the client', async () => {
  const { authenticate } = gateOf();
  const ask = await served((req, res) => authenticate(['jwt', 'api_key'])(req, res, () => show(req, res)));
  expect(shown(await ask({ headers: { ...ALICE, 'X-Key-Name': 'admin' } }))).toMatchObject({ header: 'alice' });
});

test('an identity header of another product never passes, also where a callback refuses the request', async () => {
  const { authenticate } = gateOf();
  const ask = await served((req, res) => {
    const next = (): void => void res.end(JSON.stringify([req.headers, req.headersDistinct, req.rawHeaders]));
    const isChecked = req.url === '/checked';
    authenticate('api_key', {}, isChecked ? next : undefined)(req, res, next);
  });
  const forged = { 'X-Forwarded-User': 'mallory', X_Remote_User: 'mallory' };
  for (const question of [
    { headers: { ...ALICE, ...forged } },
    { path: '/checked', headers: { ...ALICE, ...forged } },
    { path: '/checked', headers: forged },
  ]) {
    const { status, body } = await ask(question);
    expect(status).toBe(200);
    expect(body).not.toContain('mallory');
  }
});
