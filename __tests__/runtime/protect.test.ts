/** The guards in the code of a host: `protect` with the option names of the file, `requireScopes` and `authOf`. */
import { createHmac } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import connect from 'connect';
import express from 'express';
import { authOf } from '../../src/admission/identities.js';
import type { Protection, RouteAuth } from '../../src/auth/protection.js';
import { requireScopes } from '../../src/gateway/require-scopes.js';
import { loom, type Loom, type LoomOptions } from '../../src/loom.js';
import { ask, type Answer } from '../support/ask.js';
import { errorHandler } from '../support/hosts.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';

const SECRET = 'a secret of thirty-two bytes or so';
const auth = (chain = '', more = ''): string => `
middleware:
  auth:
    jwt: { algorithm: HS256, secret: "${SECRET}", issuer: "https://id.example", audience: api }
    api_key: { keys: [{ key: key-of-alice-1234, name: alice }, { key: key-of-bob-12345, name: bob }] }
    ${chain}
${more}
`;
const TEXT = auth('chain: [jwt, api_key]\n    require_any: true');

function token(claims: object): Record<string, string> {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  const body = { iss: 'https://id.example', aud: 'api', sub: 'carol', iat: now, exp: now + 600, ...claims };
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(body)}`;
  return { Authorization: `Bearer ${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}` };
}
const ALICE = { 'X-API-Key': 'key-of-alice-1234' };
const BOB = { 'X-API-Key': 'key-of-bob-12345' };

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

function gateOf(text = TEXT, options: LoomOptions = {}): Loom {
  const gate = loom({ text }, { log: quietLog(), ...options });
  closing.push(() => gate.close());
  return gate;
}

async function served(listener: RequestListener): Promise<(headers?: Record<string, string>) => Promise<Answer>> {
  const server = createServer(listener);
  closing.push(() => closed(server, []));
  const port = await listening(server);
  return (headers = {}) => ask({ port, headers });
}

describe('protect() with the auth of a route', () => {
  const statusesOf = async (protection: Protection): Promise<readonly number[]> => {
    const guard = gateOf().protect(protection);
    const send = await served((req, res) => guard(req, res, () => res.end()));
    const answers = [];
    for (const headers of [
      {},
      ALICE,
      BOB,
      token({}),
      token({ scope: 'read' }),
      { ...token({ scope: 'read' }), ...ALICE },
    ])
      answers.push((await send(headers)).status);
    return answers;
  };

  test.each<[string, RouteAuth, readonly number[]]>([
    // none, alice, bob, a token, a token with a scope, a token with a scope beside the key of alice
    ['one method', { jwt: true }, [401, 401, 401, 200, 200, 200]],
    ['a narrowed method', { jwt: { required_scopes: ['read'] } }, [401, 401, 401, 403, 200, 200]],
    ['one text as a list', { jwt: { required_scopes: 'read' } }, [401, 401, 401, 403, 200, 200]],
    ['names of keys', { api_key: { names: ['alice'] } }, [401, 200, 403, 401, 401, 200]],
    ['a list', { methods: ['api_key', 'jwt'] }, [401, 200, 200, 200, 200, 200]],
    [
      'a narrowed list',
      { methods: ['jwt', 'api_key'], narrow: { api_key: { names: ['bob'] } } },
      [401, 403, 200, 200, 200, 200],
    ],
    ['all of several', { jwt: true, api_key: true, require_any: false }, [401, 401, 401, 401, 401, 200]],
    ['any of several', { jwt: true, api_key: true, require_any: true }, [401, 200, 200, 200, 200, 200]],
    ['the chain', { require: true }, [401, 200, 200, 200, 200, 200]],
    ['an optional method', { api_key: true, require: false }, [200, 200, 200, 401, 401, 200]],
  ])('takes %s', async (_what, protection, statuses) => {
    expect(await statusesOf(protection)).toEqual(statuses);
  });

  test.each<[unknown, RegExp]>([
    [{ jwt: { required_scope: ['read'] } }, /auth\.jwt\.required_scope: unknown key; did you mean "required_scopes"/],
    [{ jwtt: true }, /auth\.jwtt: unknown key; did you mean "jwt"/],
    [{ jwt: true, api_key: true }, /auth: several methods need require_any beside them/],
    [{ basic: true }, /auth\.basic: basic is not configured/],
    [{ jwt: false }, /auth\.jwt: false opens nothing/],
    [{ jwt: undefined }, /auth\.jwt: must not be undefined/],
    [{ jwt: { required_scopes: undefined } }, /auth\.jwt\.required_scopes: must not be undefined/],
    [{ api_key: { names: ['mallory'] } }, /auth\.api_key\.names.*mallory/],
    [{ methods: [] }, /auth\.methods: must not be an empty list/],
    [{ methods: ['jwt'], narrow: { api_key: { names: ['alice'] } } }, /auth\.narrow\.api_key: is not among methods/],
    [{ require: false }, /requires no credential, so it protects nothing/],
    [{}, /must not be empty/],
    [{ plugin: 'waf' }, /unknown plugin "waf"/],
    ['none', /no method is named "none"/],
    [undefined, /protect\(\) needs a method/],
    [null, /protect\(\) needs a method/],
    [true, /protect\(\) needs a method/],
    [[], /at least one method/],
    [[{ jwt: true }], /no method is named/],
    [{ kind: 'jwt' }, /a requirement is open, method/],
  ])('%j is a TypeError that says what to write', (protection, words) => {
    const gate = gateOf();
    const act = (): unknown => gate.protect(protection as Protection);
    expect(act).toThrow(TypeError);
    expect(act).toThrow(words);
  });

  test('a second argument is an error, because it would be ignored', () => {
    const gate = gateOf() as { protect(...given: string[]): unknown };
    expect(() => gate.protect('jwt', 'api_key')).toThrow(/takes one argument: write several methods as a list/);
  });

  test('a later change of the object changes nothing', async () => {
    const gate = gateOf();
    const protection: { api_key: { names: string[] } } = { api_key: { names: ['alice'] } };
    const guard = gate.protect(protection);
    protection.api_key.names.push('bob');
    const send = await served((req, res) => guard(req, res, () => res.end()));
    expect([(await send(ALICE)).status, (await send(BOB)).status]).toEqual([200, 403]);
  });

  test('a reload keeps the guard, and refuses a file that cannot support it', async () => {
    const gate = gateOf();
    const guard = gate.protect({ api_key: { names: ['alice'] } });
    const send = await served((req, res) => guard(req, res, () => res.end()));
    await expect(gate.reload({ text: TEXT.replace('name: alice', 'name: eve') })).rejects.toThrow(/alice/);
    await gate.reload({ text: TEXT.replace('key-of-alice-1234', 'key-of-alice-9999') });
    expect([(await send(ALICE)).status, (await send({ 'X-API-Key': 'key-of-alice-9999' })).status]).toEqual([401, 200]);
  });

  test('the chain of a reloaded file counts', async () => {
    const gate = gateOf();
    const guard = gate.protect({ require: true });
    const send = await served((req, res) => guard(req, res, () => res.end()));
    await gate.reload({ text: TEXT.replace('[jwt, api_key]', '[jwt]').replace('require_any: true', '') });
    expect([(await send(ALICE)).status, (await send(token({}))).status]).toEqual([401, 200]);
  });
});

describe('requireScopes()', () => {
  const application = (gate: Loom, ...scopes: Parameters<typeof requireScopes>): RequestListener => {
    const app = express();
    app.use(gate);
    app.use(requireScopes(...scopes), (req, res) => void res.end(authOf(req).subject));
    return app;
  };

  test('admits a caller with every scope, and answers 403 with the scopes to others', async () => {
    const send = await served(application(gateOf(), 'read', ['write']));
    expect(await send(token({ scope: 'read write more' }))).toMatchObject({ status: 200, body: 'carol' });
    for (const headers of [token({ scope: 'read' }), token({}), token({ scope: 'readwrite' })]) {
      const answer = await send(headers);
      expect([answer.status, answer.headers['cache-control']]).toEqual([403, 'no-store']);
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer .*error="insufficient_scope".*scope="read write"/);
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'insufficient_scope', status: 403 });
    }
    expect((await send(ALICE)).status).toBe(403);
    expect((await send()).status).toBe(401);
  });

  test('one text may hold several scopes', async () => {
    const send = await served(application(gateOf(), 'read write'));
    expect((await send(token({ scope: 'write read' }))).status).toBe(200);
    expect((await send(token({ scope: 'read' }))).status).toBe(403);
  });

  test.each([[[]], [['']], [[[]]], [[7]], [[undefined]]])('%j are no scopes', (scopes) => {
    expect(() => requireScopes(...(scopes as string[]))).toThrow(TypeError);
  });

  test('writes a denied line, and follows errors and onDenied of loom()', async () => {
    const log = quietLog();
    const gate = gateOf(TEXT, { log, errors: 'next' });
    const errors: unknown[] = [];
    const app = express();
    app.use(
      gate,
      requireScopes('read'),
      errorHandler((error, _req, res) => {
        errors.push(error);
        res.writeHead(418).end();
      }),
    );
    const send = await served(app);
    expect((await send(token({}))).status).toBe(418);
    expect(errors).toMatchObject([{ name: 'DeniedError', status: 403, code: 'insufficient_scope' }]);
    const denied = log.entries.filter(({ facts }) => facts['event'] === 'denied');
    expect(denied).toMatchObject([{ facts: { status: 403, reason: 'insufficient_scope' } }]);
  });

  test('works behind protect() and with Connect', async () => {
    const gate = gateOf();
    const app = connect();
    app.use(gate.protect('jwt'));
    app.use(requireScopes('read'));
    app.use((_req, res) => void res.end('reached'));
    const send = await served(app);
    expect((await send(token({ scope: 'read' }))).body).toBe('reached');
    expect((await send(token({}))).status).toBe(403);
  });

  test('answers 401 where the route needs no credential and none was sent', async () => {
    const open = await served(
      application(gateOf(auth('', 'routes: [{ path: /*, auth: none }, { path: /x, auth: { jwt: true } }]')), 'read'),
    );
    const answer = await open();
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer realm="loom", scope="read"']);
    const optional = await served(
      application(gateOf(auth('', 'routes: [{ path: /*, auth: { jwt: true, require: false } }]')), 'read'),
    );
    expect((await optional()).status).toBe(401);
    expect((await optional(token({ scope: 'read' }))).status).toBe(200);
  });

  test('answers 500 without Loom before it, and calls no next', async () => {
    const emitted = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    let reached = 0;
    const send = await served((req, res) => requireScopes('read')(req, res, () => (reached += 1)));
    expect([(await send(token({ scope: 'read' }))).status, (await send()).status, reached]).toEqual([500, 500, 0]);
    expect(emitted.mock.calls).toEqual([[expect.stringMatching(/did not pass Loom/)]]);
    emitted.mockRestore();
  });
});

describe('authOf()', () => {
  test('returns the identity of Loom, also if another middleware replaces req.auth', async () => {
    const app = express();
    app.use(gateOf());
    app.use((req, res) => {
      Object.assign(req, { auth: { subject: 'root' } });
      res.end(authOf(req).subject);
    });
    const send = await served(app);
    expect((await send(ALICE)).body).toBe('alice');
  });

  test('throws on an open route, and without Loom', async () => {
    const messages: string[] = [];
    const tell: RequestListener = (req, res) => {
      try {
        authOf(req);
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
        messages.push((error as Error).message);
      }
      res.end();
    };
    const gate = gateOf(auth('', 'routes: [{ path: /*, auth: none }, { path: /x, auth: { jwt: true } }]'));
    const open = await served((req, res) => gate(req, res, () => tell(req, res)));
    const bare = await served(tell);
    await open();
    await bare();
    expect(messages).toEqual([
      expect.stringMatching(/its route needs no credential/),
      expect.stringMatching(/mount Loom before this handler/),
    ]);
  });
});
