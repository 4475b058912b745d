/** `req.user` and `req.auth`: the user that a strategy of the host gave, and the identity of Loom. */
import type { IncomingMessage } from 'node:http';
import { inspect } from 'node:util';
import express from 'express';
import { identitiesOf } from '../src/admission/identities.js';
import type { Identity } from '../src/auth/identity.js';
import type { Strategies } from '../src/auth/host-strategy.js';
import { loom, type Loom } from '../src/loom.js';
import { ask } from './support/ask.js';
import { quietLog } from './support/quiet-log.js';
import { closed, listening } from './support/recording-upstream.js';
import { createServer } from 'node:http';

class User {
  constructor(
    readonly id: number,
    readonly roles: string[],
  ) {}
  isAdmin(): boolean {
    return this.roles.includes('admin');
  }
}
const ADA = new User(7, ['admin']);
const badge = {
  authenticate(this: { success(user: unknown): void; pass(): void }, req: IncomingMessage): void {
    const { 'x-badge': number } = req.headers;
    if (number === 'ada') this.success(ADA);
    else if (number === 'text') this.success('bob');
    else this.pass();
  },
};
const strategies: Strategies = {
  badge: {
    strategy: badge,
    identity: (user) => ({ subject: user instanceof User ? `user-${user.id}` : String(user) }),
  },
};
const KEY = { 'X-API-Key': 'key-of-alice-1234' };
const TEXT = `
middleware: { auth: { api_key: { keys: [{ key: key-of-alice-1234, name: alice }] } } }
routes:
  - { id: any, path: /any, auth: { methods: [badge, api_key] } }
  - { id: all, path: /all, auth: { methods: [api_key, badge], require_any: false } }
  - { id: open, path: /open, auth: none }
`;

interface Seen {
  readonly user?: unknown;
  readonly auth?: Identity | null | undefined;
  readonly subjects: readonly string[];
}

let gate: Loom;
let seen: Seen | undefined;
let close: () => Promise<void>;
let get: (path: string, headers?: Record<string, string>) => Promise<Seen | undefined>;
beforeAll(async () => {
  gate = loom({ text: TEXT }, { log: quietLog(), strategies });
  const app = express();
  const show: express.RequestHandler = (req, res) => {
    const { user, auth } = req as IncomingMessage & { user?: unknown };
    seen = { user, auth, subjects: identitiesOf(req).map(({ subject }) => subject) };
    res.end();
  };
  app.use((req, _res, next) => {
    if (req.headers['x-session']) (req as { user?: unknown }).user = 'of the session';
    next();
  });
  const { passport } = gate;
  app.get('/passport', passport.authenticate(['badge', 'api_key']), show);
  app.get('/authorize', passport.authorize('badge'), show);
  app.get('/callback', (req, res, next) => {
    passport.authenticate<User>('badge', (_error, user) => {
      seen = { user: user && user.isAdmin(), subjects: [] };
      res.end();
    })(req, res, next);
  });
  app.use(gate, show);
  const server = createServer(app);
  const port = await listening(server);
  get = async (path, headers = {}) => {
    seen = undefined;
    await ask({ port, path, headers });
    return seen;
  };
  close = () => closed(server);
});
afterAll(async () => {
  await close();
  await gate.close();
});

const AS_ADA = { 'X-Badge': 'ada' };

test('req.user is the user itself, with its class, and req.auth is the identity', async () => {
  const { user, auth } = (await get('/any', AS_ADA)) as Seen;
  expect(user).toBe(ADA);
  expect(auth).toEqual({ method: 'badge', subject: 'user-7', scopes: [], claims: {} });
  expect(Object.getOwnPropertySymbols(auth)).toEqual([]);
  expect(inspect(auth, { showHidden: true })).not.toContain('admin');
});

test('a user may be a text', async () => {
  expect(await get('/any', { 'X-Badge': 'text' })).toMatchObject({ user: 'bob', auth: { subject: 'bob' } });
});

test('for a method of the file, req.user is the identity', async () => {
  const { user, auth } = (await get('/any', KEY)) as Seen;
  expect(user).toBe(auth);
  expect(auth).toMatchObject({ method: 'api_key', subject: 'alice' });
});

test('where several methods are required, req.user is the user of the strategy and req.auth the first identity', async () => {
  expect(await get('/all', { ...KEY, ...AS_ADA })).toMatchObject({
    user: ADA,
    auth: { method: 'api_key' },
    subjects: ['alice', 'user-7'],
  });
});

test('on an open route req.user stays as the host has set it', async () => {
  expect(await get('/open', { ...AS_ADA, 'X-Session': '1' })).toMatchObject({ user: 'of the session', auth: null });
});

test('passport.authenticate sets req.user to the user and req.auth to the identity', async () => {
  expect(await get('/passport', AS_ADA)).toMatchObject({
    user: ADA,
    auth: { subject: 'user-7' },
    subjects: ['user-7'],
  });
  expect(await get('/passport', KEY)).toMatchObject({ user: { subject: 'alice' }, auth: { subject: 'alice' } });
});

test('passport.authorize sets neither, and a callback receives the user', async () => {
  expect(await get('/authorize', { ...AS_ADA, 'X-Session': '1' })).toMatchObject({
    user: 'of the session',
    subjects: [],
  });
  expect(await get('/callback', AS_ADA)).toMatchObject({ user: true });
});
