/**
 * Passport in both directions: a host's strategies as methods of the file, and the file's methods as strategies of the
 * host.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { inspect } from 'node:util';
import express from 'express';
import CustomStrategy from 'passport-custom';
import OAuth2Strategy from 'passport-oauth2';
import type { Strategies } from '../src/auth/host-strategy.js';
import { loom } from '../src/loom.js';
import { quietLog } from './support/quiet-log.js';
import { closed, listening } from './support/recording-upstream.js';

const KEYS = 'api_key: { keys: [{ key: key-of-alice, name: alice }] }';

interface Asked {
  readonly status: number;
  readonly subject?: string | null;
  readonly location?: string | null;
}

/** Starts a host with the strategies, sends requests, and stops it. */
async function withHost<T>(
  { auth, strategies }: { readonly auth: string; readonly strategies: Strategies },
  use: (ask: (headers?: Record<string, string>) => Promise<Asked>) => Promise<T>,
): Promise<T> {
  const text = `middleware: { auth: { ${KEYS} } }\nroutes: [{ id: all, path: /*, auth: ${auth} }]\n`;
  const gate = loom({ text, file: 'loom.yaml' }, { strategies, log: quietLog() });
  const server = createServer((req, res) => gate(req, res, () => res.end(req.auth?.subject ?? '')));
  const url = `http://127.0.0.1:${await listening(server)}`;
  try {
    return await use(async (headers = {}) => {
      const response = await fetch(url, { headers, redirect: 'manual' });
      const text = await response.text();
      return response.status === 200
        ? { status: 200, subject: text }
        : { status: response.status, location: response.headers.get('location') };
    });
  } finally {
    await closed(server);
    await gate.close();
  }
}

interface Verbs {
  pass(): void;
  fail(challenge?: string, status?: number): void;
  error(cause: Error): void;
  success(user: unknown): void;
}

/** A strategy that acts as the header `X-Do` says. */
const obedient = {
  authenticate(this: Verbs, req: IncomingMessage): unknown {
    switch (req.headers['x-do']) {
      case 'success':
        return this.success({ id: 'dora' });
      case 'nobody':
        return this.success(undefined);
      case 'fail':
        return this.fail('Custom realm="doors"');
      case 'forbid':
        return this.fail(undefined, 403);
      case 'error':
        return this.error(new Error('the directory is down'));
      case 'throw':
        throw new Error('a bug');
      case 'reject':
        return Promise.reject(new Error('a bug, later'));
      case 'twice':
        this.fail();
        return this.success({ id: 'mallory' });
      case 'never':
        return undefined;
      default:
        return this.pass();
    }
  },
};

describe('a strategy of the host', () => {
  const ANY = '{ methods: [doors, api_key] }';
  const strategies = { doors: obedient };

  test.each([
    ['success', 200],
    ['nobody', 401],
    ['fail', 401],
    ['forbid', 403],
    ['error', 503],
    ['throw', 500],
    ['reject', 500],
    ['twice', 401],
    ['', 401],
  ])('that says "%s" is answered %i', async (what, status) => {
    const asked = await withHost({ auth: ANY, strategies }, (ask) => ask({ 'X-Do': what }));
    expect(asked).toMatchObject(status === 200 ? { status, subject: 'dora' } : { status });
  });

  test('continues with the next method when it passes, fails or is unavailable, but not when it throws', async () => {
    await withHost({ auth: ANY, strategies }, async (ask) => {
      const key = { 'X-API-Key': 'key-of-alice' };
      for (const what of ['', 'fail', 'error']) {
        expect(await ask({ ...key, 'X-Do': what })).toEqual({ status: 200, subject: 'alice' });
      }
      expect((await ask({ ...key, 'X-Do': 'throw' })).status).toBe(500);
    });
  });

  test('that has not settled after five seconds is unavailable', async () => {
    const asked = await withHost({ auth: '{ doors: true }', strategies }, (ask) => ask({ 'X-Do': 'never' }));
    expect(asked.status).toBe(503);
  });

  test('keeps concurrent requests apart, although they share one instance', async () => {
    const slow = new CustomStrategy((req, done) => {
      const who = String(req.headers['x-who']);
      setTimeout(() => done(null, { id: who }), Math.random() * 20);
    });
    await withHost({ auth: '{ slow: true }', strategies: { slow } }, async (ask) => {
      const names = Array.from({ length: 50 }, (_, at) => `user-${at}`);
      const seen = await Promise.all(names.map((name) => ask({ 'X-Who': name })));
      expect(seen.map(({ subject }) => subject)).toEqual(names);
    });
  });

  test('may set the name of its identity and what counts as a credential', async () => {
    const badge = {
      strategy: new CustomStrategy((req, done) => done(null, req.headers['x-badge'] === '7' && { number: 7 })),
      identity: (user: unknown) => ({ subject: `badge-${(user as { number: number }).number}`, scopes: ['doors'] }),
      offered: (req: IncomingMessage) => 'x-badge' in req.headers,
    };
    await withHost({ auth: '{ methods: [badge, api_key] }', strategies: { badge } }, async (ask) => {
      expect(await ask({ 'X-Badge': '7' })).toEqual({ status: 200, subject: 'badge-7' });
      expect((await ask({ 'X-Badge': '8' })).status).toBe(401);
      expect(await ask({ 'X-API-Key': 'key-of-alice' })).toEqual({ status: 200, subject: 'alice' });
    });
  });

  test.each([[undefined], ['admin'], [null], [[7, 'read']]])(
    'whose scopes are %j causes no error, and has no scopes',
    async (scopes) => {
      const odd = {
        strategy: new CustomStrategy((_req, done) => done(null, { id: 'x' })),
        identity: () => ({ subject: 'x', scopes, claims: undefined }) as never,
      };
      const asked = await withHost({ auth: '{ odd: true }', strategies: { odd } }, (ask) => ask());
      expect(asked).toEqual({ status: 200, subject: 'x' });
    },
  );

  test('that redirects (passport-oauth2) sends the browser to its provider, and no later method is tried', async () => {
    const login = new OAuth2Strategy(
      {
        authorizationURL: 'https://id.example/authorize',
        tokenURL: 'https://id.example/token',
        clientID: 'shop',
        clientSecret: 'secret',
        callbackURL: 'https://shop.example/callback',
      },
      (_access, _refresh, _profile, done) => done(null, { id: 'x' }),
    );
    await withHost({ auth: '{ methods: [api_key, login] }', strategies: { login } }, async (ask) => {
      const asked = await ask();
      expect(asked.status).toBe(302);
      expect(asked.location).toMatch(/^https:\/\/id\.example\/authorize\?response_type=code&.*client_id=shop/);
      expect(await ask({ 'X-API-Key': 'key-of-alice' })).toEqual({ status: 200, subject: 'alice' });
    });
  });

  test('must be registered under the name in the file, and not under a reserved name', () => {
    const text = 'middleware: { auth: { chain: [saml] } }';
    expect(() => loom({ text, file: 'loom.yaml' }, { log: quietLog() })).toThrow(/chain\[0\]: unknown method/);
    const taken = { strategies: { api_key: obedient }, log: quietLog() };
    expect(() => loom({ text: `middleware: { auth: { ${KEYS} } }`, file: 'loom.yaml' }, taken)).toThrow(TypeError);
  });
});

describe('the methods of the file', () => {
  test('expose no secrets', async () => {
    const text = 'middleware: { auth: { jwt: { algorithm: HS256, secret: a-secret-of-thirty-two-bytes-or-so } } }';
    const gate = loom({ text, file: 'loom.yaml' }, { log: quietLog() });
    for (const shown of [inspect(gate, { depth: 20, getters: true }), JSON.stringify([gate.passport, gate.plan])]) {
      expect(shown).toContain('jwt');
      expect(shown).not.toContain('a-secret-of');
    }
    await gate.close();
  });

  test('are Passport strategies, by name, on their own Passport', async () => {
    const gate = loom({ text: `middleware: { auth: { ${KEYS} } }`, file: 'loom.yaml' }, { log: quietLog() });
    const app = express();
    app.get('/', gate.passport.authenticate('api_key', { session: false }), (req, res) => {
      res.json((req as { user?: unknown }).user);
    });
    const server = createServer(app);
    const url = `http://127.0.0.1:${await listening(server)}`;
    expect((await fetch(url)).status).toBe(401);
    expect((await fetch(url, { headers: { 'X-API-Key': 'wrong' } })).status).toBe(401);
    const passed = await fetch(url, { headers: { 'X-API-Key': 'key-of-alice' } });
    expect(await passed.json()).toMatchObject({ method: 'api_key', subject: 'alice' });
    await closed(server);
    await gate.close();
  });
});
