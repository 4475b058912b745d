/**
 * Cross-site WebSocket hijacking: a page of another site opens a socket, and the browser adds a credential
 * automatically.
 */
import { hashSync } from 'bcryptjs';
import { ConfigError, loom } from '../../../src/index.js';
import { statusOf } from '../../support/ask.js';
import { ADMIN_BASIC, closeGrounds, openGround, PASSWORD, type Ground } from '../../support/attack-ground.js';
import { handshake } from '../../support/handshake.js';
import { lookalikesOf } from '../../support/messages.js';

let ground: Ground;
let token: string;
beforeAll(async () => {
  ground = await openGround({
    replaceAuth: true,
    auth: `
    jwt: { issuer: "ISSUER", audience: api.example.com, jwks_url: "ISSUER/jwks", cookie: session, claims_to_headers: { sub: X-User-ID } }
    basic: { users: [{ username: admin, password_hash: "${hashSync(PASSWORD, 4)}" }] }`,
    replaceRoutes: true,
    routes: `
  - { id: public, path: /public/*, upstream: backend, auth: none }
  - { id: internal, path: /internal/*, upstream: backend, auth: { jwt: true } }
  - { id: optional, path: /optional/*, upstream: backend, auth: { require: false, methods: [jwt] } }
  - { id: ops, path: /ops/*, upstream: backend, auth: { basic: true } }
  - { id: shop, path: /shop/*, upstream: backend, auth: { jwt: true }, allowed_origins: ["https://shop.example", "http://localhost:3000"] }`,
  });
  token = await ground.issuer.token({ sub: 'alice' });
  ground.secrets.push(token);
});
afterAll(closeGrounds);

const cookie = (): string => `Cookie: theme=dark; session=${token}`;
const open = async (path: string, ...lines: string[]): Promise<number> =>
  statusOf(await ground.send(handshake(path, ...lines)));

/** The Host of these handshakes is `x`. */
const FOREIGN = [
  'https://evil.example',
  'http://evil.example',
  'null',
  'http://x.evil.example',
  'http://evilx',
  'http://x:8080',
  'http://x@evil.example',
  'http://x/@evil',
  'http://evil.example/x',
  'http://x, http://evil.example',
  'http://x http://evil.example',
  'file://',
  'chrome-extension://x',
  'ws://x',
  'x',
  '*',
  'http://X\xa0',
  '',
];

describe('UPG-09 a handshake from another site', () => {
  test.each(FOREIGN)('with a cookie is refused: Origin %j', async (origin) => {
    for (const path of ['/internal/x', '/optional/x', '/shop/x']) {
      expect(await open(path, cookie(), `Origin: ${origin}`)).toBe(403);
    }
    expect(ground.arrived()).toEqual([]);
  });

  test.each(['https://evil.example', 'null'])('with Basic is refused: Origin %j', async (origin) => {
    expect(await open('/ops/x', `Authorization: ${ADMIN_BASIC.Authorization}`, `Origin: ${origin}`)).toBe(403);
    expect(ground.arrived()).toEqual([]);
  });

  test.each([
    ['Sec-Fetch-Site says cross-site', ['Sec-Fetch-Site: cross-site']],
    ['Sec-Fetch-Site says cross-site beside our own origin', ['Sec-Fetch-Site: cross-site', 'Origin: http://x']],
    ['two origins are sent, ours first', ['Origin: http://x', 'Origin: https://evil.example']],
    ['two are sent, ours last', ['Origin: https://evil.example', 'Origin: http://x']],
  ])('with a cookie is refused if %s', async (_what, lines) => {
    expect(await open('/internal/x', cookie(), ...lines)).toBe(403);
    expect(ground.arrived()).toEqual([]);
  });

  test.each([
    ...['https://shop.example.evil', 'https://shop.example:8443', 'http://shop.example', 'https://a.shop.example'],
    ...['https://shop.example/', 'https://shop.example@evil', 'http://localhost:3001', 'http://localhost', 'null'],
  ])('is not in allowed_origins by similarity: %s', async (origin) => {
    expect(await open('/shop/x', cookie(), `Origin: ${origin}`)).toBe(403);
    expect(ground.arrived()).toEqual([]);
  });

  test.each(['["*"]', '["null"]', '["https://*.example"]', '["shop.example"]', '[]', '["https://a.example/path"]'])(
    'is allowed by no file that contains %s',
    (origins) => {
      const text = `
middleware: { auth: { api_key: { keys: [{ key: key-of-alice, name: a }] } } }
routes: [{ path: /x, auth: { api_key: true }, allowed_origins: ${origins} }]`;
      expect(() => loom({ text, file: 'loom.yaml' })).toThrow(ConfigError);
    },
  );

  test.each([
    ['our own origin', '/internal/x', ['COOKIE', 'Origin: http://x']],
    ['an allowed origin', '/shop/x', ['COOKIE', 'Origin: https://shop.example']],
    [
      'an allowed origin, which the browser calls cross-site',
      '/shop/x',
      ['COOKIE', 'Origin: http://localhost:3000', 'Sec-Fetch-Site: cross-site'],
    ],
    ['no browser headers', '/internal/x', ['COOKIE']],
    [
      'a token that no browser adds',
      '/internal/x',
      ['BEARER', 'Origin: https://evil.example', 'Sec-Fetch-Site: cross-site'],
    ],
    ['a token as a subprotocol', '/internal/x', ['PROTOCOL', 'Origin: https://evil.example']],
    ['nothing, on an open route', '/public/x', ['Origin: https://evil.example']],
    ['nothing, on an optional route', '/optional/x', ['Origin: https://evil.example']],
  ])('twin: opens with %s', async (_what, path, lines) => {
    const words: Record<string, string> = {
      COOKIE: cookie(),
      BEARER: `Authorization: Bearer ${token}`,
      PROTOCOL: `Sec-WebSocket-Protocol: bearer, ${token}`,
    };
    expect(await open(path, ...lines.map((line) => words[line] ?? line))).toBe(101);
    const users = ground.arrived().flatMap((message) => lookalikesOf(message, 'X-User-ID').map(([, value]) => value));
    expect(users).toEqual(/^\/(?:internal|shop)/.test(path) ? ['alice'] : []);
  });
});
