/** What is decided of several credentials or methods at once. */
import { hash } from 'node:crypto';
import { hashSync } from 'bcryptjs';
import { readUserPass } from '../../src/auth/methods/basic/credentials.js';
import { LONG_SECRET, signedBySecret } from '../tokens/signing.js';
import { seconds } from '../support/token-issuer.js';
import { closeSites, fileOf, site } from './site.js';

afterEach(closeSites);

const JWT = `jwt: { algorithm: HS256, secret: "${LONG_SECRET}", audience: api, cookie: session }`;
const KEYS =
  'api_key: { query_param: key, keys: [{ key: key-of-alice, name: alice }, { key: key-of-bob, name: bob }] }';
const BASIC = `basic: { users: [{ username: ada, password_hash: "${hashSync('right', 4)}" }, { username: grace, password_hash: "${hashSync('other', 4)}" }] }`;
const ALL = `${JWT}, ${KEYS}, ${BASIC}`;
const token = (claims: object = {}): Promise<string> =>
  signedBySecret({ sub: 'ada', aud: 'api', exp: seconds() + 600, ...claims });
const bearer = (text: string): { Authorization: string } => ({ Authorization: `Bearer ${text}` });
const KEY = { 'X-API-Key': 'key-of-alice' };
const PAIR = { Authorization: `Basic ${Buffer.from('ada:right').toString('base64')}` };

describe('on_invalid: stop', () => {
  const stopping: readonly (readonly [string, string])[] = [
    ['beside methods', fileOf(ALL, '{ methods: [jwt, api_key], on_invalid: stop }')],
    ['beside the names', fileOf(ALL, '{ jwt: true, api_key: true, require_any: true, on_invalid: stop }')],
    [
      'beside the chain',
      fileOf(`${ALL}, chain: [jwt, api_key], require_any: true, on_invalid: stop`, '{ require: true }'),
    ],
    [
      'of a chain that a route does not repeat',
      `middleware: { auth: { ${ALL}, chain: [jwt, api_key], require_any: true, on_invalid: stop } }\n`,
    ],
    ['of an optional route', fileOf(ALL, '{ require: false, methods: [jwt, api_key], on_invalid: stop }')],
  ];

  test.each(stopping)('ends the search: %s', async (_where, text) => {
    const { ask } = await site(text);
    expect(await ask({ headers: { ...bearer(`${await token()}AA`), ...KEY } })).toBe('401');
    expect(await ask({ headers: { ...bearer(await token({ exp: seconds() - 600 })), ...KEY } })).toBe('401');
    expect(await ask({ headers: KEY })).toBe('200 api_key:alice');
    expect(await ask({ headers: { ...bearer(await token()), 'X-API-Key': 'wrong' } })).toBe('200 jwt:ada');
  });

  test.each(stopping)('twin: without it the search goes on: %s', async (_where, text) => {
    const { ask } = await site(text.replace(', on_invalid: stop', ''));
    expect(await ask({ headers: { ...bearer(`${await token()}AA`), ...KEY } })).toBe('200 api_key:alice');
  });

  test('ends it for a credential that may not pass here, too', async () => {
    const narrowed = '{ methods: [jwt, api_key], on_invalid: stop, narrow: { jwt: { required_scopes: [write] } } }';
    const { ask } = await site(fileOf(ALL, narrowed));
    expect(await ask({ headers: { ...bearer(await token()), ...KEY } })).toBe('403');
    expect(await ask({ headers: { ...bearer(await token({ scope: 'write' })), ...KEY } })).toBe('200 jwt:ada');
  });
});

describe('two credentials of one kind', () => {
  test('in one subprotocol list are 400, whatever they are', async () => {
    const { ask } = await site(fileOf(ALL, '{ methods: [jwt, api_key] }'));
    const [one, two] = [await token(), await token({ sub: 'mallory' })];
    const asking = (list: string, more = {}) => ask({ headers: { 'Sec-WebSocket-Protocol': list, ...more } });
    expect(await asking(`bearer, ${one}, bearer, ${two}`)).toBe('400');
    expect(await asking(`bearer, ${one}, chat, bearer, ${one}`, KEY)).toBe('400');
    expect(await asking(`bearer, bearer, ${one}`)).toBe('400');
    expect(await asking(`chat, bearer, ${one}`)).toBe('200 jwt:ada');
  });

  test('end the search of every list, before a valid one of another kind', async () => {
    for (const list of ['[jwt, api_key]', '[api_key, jwt]']) {
      const { ask } = await site(fileOf(ALL, `{ methods: ${list} }`));
      const cookie = { Cookie: `session=${await token()}` };
      expect(await ask({ path: '/?key=key-of-bob', headers: { ...KEY, ...bearer('wrong') } })).toBe('400');
      if (list.startsWith('[jwt')) {
        const other = bearer(await token({ sub: 'mallory' }));
        expect(await ask({ headers: { ...other, ...cookie, ...KEY } })).toBe('400');
        expect(await ask({ headers: { ...cookie } })).toBe('200 jwt:ada');
      }
    }
  });
});

describe('a password of Basic', () => {
  const read = (password: string) => readUserPass(Buffer.from(`ada:${password}`).toString('base64'));

  test.each([
    ['40 characters of two bytes', 'ü'.repeat(40)],
    ['25 of three', '€'.repeat(25)],
    ['37 code units of four bytes each two', '😀'.repeat(19)],
    ['73 of one', 'a'.repeat(73)],
  ])('of more than 72 bytes is refused: %s', (_what, password) => {
    expect(Buffer.byteLength(password)).toBeGreaterThan(72);
    expect(read(password)).toBeUndefined();
  });

  test.each([['a'.repeat(72)], ['ü'.repeat(36)], ['€'.repeat(24)], ['😀'.repeat(18)]])(
    'twin: of 72 is read: %s',
    (password) => {
      expect(read(password)).toMatchObject({ username: 'ada', password });
    },
  );

  test('that is longer than the 72 bytes of the right password is refused', async () => {
    const password = 'ü'.repeat(36);
    const users = `basic: { users: [{ username: ada, password_hash: "${hashSync(password, 4)}" }] }`;
    const { ask } = await site(fileOf(users, '{ basic: true }'));
    const pair = (text: string) => ({
      headers: { Authorization: `Basic ${Buffer.from(`ada:${text}`).toString('base64')}` },
    });
    expect(await ask(pair(`${password}x`))).toBe('401');
    expect(await ask(pair(`${password}ü`))).toBe('401');
    expect(await ask(pair(password))).toBe('200 basic:ada');
  });
});

describe('three credentials of which no method takes one', () => {
  test('are each offered to no later method', async () => {
    const stolen = await token();
    const text = `
middleware: { auth: { jwt: { algorithm: HS256, secret: "${LONG_SECRET}", audience: other, cookie: session },
  api_key: { query_param: key, keys: [{ key: key-of-alice, name: alice }] } } }
routes: [{ id: all, path: /*, auth: { methods: [jwt, api_key, host] } }]`;
    const seen: string[] = [];
    const host = {
      authenticate(this: { fail(): void }): void {
        seen.push('host');
        this.fail();
      },
    };
    const { ask } = await site(text, { strategies: { host } });
    expect(await ask({ headers: { ...bearer(stolen), 'X-API-Key': 'wrong' } })).toBe('401');
    expect(seen).toEqual(['host']);
    expect(await ask({ headers: { ...bearer(stolen), ...KEY } })).toBe('200 api_key:alice');
  });
});

describe('an optional route', () => {
  const text = fileOf(ALL, '{ require: false, methods: [jwt] }');

  test.each<[string, Record<string, string>, string?]>([
    ['a wrong one of the method', bearer('wrong.token.here')],
    ['one of a method that the route does not name', { 'X-API-Key': 'wrong' }],
    ['a right one of such a method', KEY],
    ['one in its query parameter', {}, '/?key=key-of-alice'],
    ['a password', PAIR],
    ['one in another scheme of the place', { Authorization: 'Token abc' }],
    ['a wrong one in the cookie', { Cookie: 'session=wrong' }],
    ['a wrong one in a subprotocol', { 'Sec-WebSocket-Protocol': 'bearer, wrong' }],
  ])('refuses a request with %s', async (_what, headers, path = '/') => {
    const { ask } = await site(text);
    expect(await ask({ path, headers })).toBe('401');
  });

  test('twin: admits a request with a valid credential, and a request without a credential', async () => {
    const { ask } = await site(text);
    expect(await ask({ headers: bearer(await token()) })).toBe('200 jwt:ada');
    expect(await ask({ headers: { Cookie: 'theme=dark', 'Sec-WebSocket-Protocol': 'chat' } })).toBe('200');
    for (const empty of ['', 'Bearer', 'bearer ', 'Basic']) {
      expect(await ask({ headers: { Authorization: empty, 'X-API-Key': '', Cookie: 'session=' } })).toBe('200');
    }
  });

  test('is 503 where the credential cannot be judged', async () => {
    const down = 'oauth: { introspection_url: "http://127.0.0.1:1/i", client_id: a, client_secret: b, timeout: 1s }';
    for (const methods of ['[oauth]', '[oauth, api_key]', '[api_key, oauth]']) {
      const { ask } = await site(fileOf(`${down}, ${KEYS}`, `{ require: false, methods: ${methods} }`));
      expect(await ask({ headers: bearer('opaque') })).toBe('503');
      expect(await ask({ headers: { ...bearer('opaque'), 'X-API-Key': 'wrong' } })).toBe('503');
      expect(await ask()).toBe('200');
    }
  });
});

describe('a route that asks for two methods', () => {
  test.each(['[jwt, api_key]', '[api_key, jwt]'])('takes neither alone, in the order %s', async (list) => {
    const { ask } = await site(fileOf(ALL, `{ methods: ${list}, require_any: false }`));
    expect(await ask({ headers: KEY })).toBe('401');
    expect(await ask({ headers: bearer(await token()) })).toBe('401');
    expect(await ask({ headers: { ...bearer('wrong'), ...KEY } })).toBe('401');
    expect(await ask({ headers: { ...bearer(await token()), ...KEY } })).toMatch(/^200 \S+ \S+$/);
  });

  test('narrows each of them', async () => {
    const narrow = 'narrow: { api_key: { names: [alice] }, jwt: { required_scopes: [read] } }';
    const { ask } = await site(fileOf(ALL, `{ methods: [jwt, api_key], require_any: false, ${narrow} }`));
    const [read, none] = [bearer(await token({ scope: 'read' })), bearer(await token())];
    expect(await ask({ headers: { ...read, ...KEY } })).toBe('200 jwt:ada api_key:alice');
    expect(await ask({ headers: { ...none, ...KEY } })).toBe('403');
    expect(await ask({ headers: { ...read, 'X-API-Key': 'key-of-bob' } })).toBe('403');
  });
});

describe('a credential that no method takes for its own', () => {
  const challengeOf = async (auth: string, headers: Record<string, string>): Promise<string | null> => {
    const { port } = await site(fileOf(ALL, auth));
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers });
    expect(response.status).toBe(401);
    return response.headers.get('www-authenticate');
  };

  test.each([
    ['one method', '{ jwt: true }', {}],
    ['any of two', '{ methods: [api_key, jwt] }', {}],
    ['both of two', '{ methods: [api_key, jwt], require_any: false }', KEY],
    ['both of two, in the other order', '{ methods: [jwt, api_key], require_any: false }', KEY],
  ])('is a wrong one, not a missing one: %s', async (_what, auth, more) => {
    expect(await challengeOf(auth, { ...bearer('opaque'), ...more })).toContain(
      'Bearer realm="loom", error="invalid_token"',
    );
    const without = await challengeOf(auth, more);
    expect(without).toContain('Bearer');
    expect(without).not.toContain('invalid_token');
  });
});

describe('a narrowing', () => {
  test('refuses a method that answers later as one that answers at once', async () => {
    const narrow = 'narrow: { basic: { users: [grace] }, api_key: { names: [bob] } }';
    const { ask } = await site(fileOf(ALL, `{ methods: [basic, api_key], ${narrow} }`));
    expect(await ask({ headers: PAIR })).toBe('403');
    expect(await ask({ headers: KEY })).toBe('403');
    expect(await ask({ headers: { 'X-API-Key': 'key-of-bob' } })).toBe('200 api_key:bob');
    expect(await ask({ headers: { ...PAIR, 'X-API-Key': 'key-of-bob' } })).toBe('200 api_key:bob');
  });

  test('offers what it refused to no later method', async () => {
    const opaque = await token();
    const keys = `api_key: { header: Authorization, keys: [{ key: spare, name: spare }, { key_hash: "sha256:${digest(`Bearer ${opaque}`)}", name: of-key }] }`;
    const narrow = 'narrow: { jwt: { required_scopes: [write] } }';
    const { ask } = await site(fileOf(`${JWT}, ${keys}`, `{ methods: [jwt, api_key], ${narrow} }`));
    expect(await ask({ headers: bearer(opaque) })).toBe('403');
    expect(await ask({ headers: { Authorization: 'spare' } })).toBe('200 api_key:spare');
  });
});

function digest(text: string): string {
  return hash('sha256', text);
}
