/** Identity headers of other products: a client that sends one would have any identity at a backend of that product. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { ConfigError, loom } from '../../../src/index.js';
import { askBytes, statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, request, type Ground } from '../../support/attack-ground.js';
import { handshake, shakeHands } from '../../support/handshake.js';
import { lookalikesOf, valuesOf, type Message } from '../../support/messages.js';
import { inBatches, sendable } from '../../support/policy-samples.js';
import { closed, listening } from '../../support/recording-upstream.js';

/** In the spelling of their products. */
const OTHERS = [
  ...['X-Forwarded-User', 'X-Forwarded-Email', 'X-Forwarded-Groups', 'X-Forwarded-Preferred-Username'],
  ...['X-Forwarded-Access-Token', 'X-Forwarded-Login', 'X-Forwarded-Name', 'X-Forwarded-Anything-Else'],
  ...['X-Auth-Request-User', 'X-Auth-Request-Email', 'X-Auth-Request-Groups', 'X-Auth-Request-Access-Token'],
  ...['X-Auth-User', 'X-Auth-Username', 'X-Auth-Email', 'X-Auth-Groups', 'X-Auth-Roles', 'X-Auth-Subject'],
  ...['Remote-User', 'Remote-Groups', 'Remote-Name', 'Remote-Email', 'Auth-User', 'Auth-Type', 'Logon-User'],
  ...['X-Remote-User', 'X-Remote-Group', 'X-Remote-Extra-Scopes', 'X-Remote-Email', 'X-Remote-Name'],
  ...['X-WEBAUTH-USER', 'X-WEBAUTH-ROLE', 'X-Authenticated-User', 'X-Authenticated-Userid', 'X-Authenticated-Scope'],
  ...['X-Goog-Authenticated-User-Email', 'X-Goog-Authenticated-User-ID', 'X-Goog-IAP-JWT-Assertion'],
  ...['X-Endpoint-API-UserInfo', 'X-Apigateway-Api-Userinfo', 'X-Apigateway-Event', 'X-Appengine-User-Email'],
  ...['X-Amzn-Oidc-Identity', 'X-Amzn-Oidc-Data', 'X-Amzn-Oidc-Accesstoken', 'X-Amzn-Ava-User-Context'],
  ...['Cf-Access-Authenticated-User-Email', 'Cf-Access-Jwt-Assertion', 'X-MS-CLIENT-PRINCIPAL'],
  ...['X-MS-CLIENT-PRINCIPAL-NAME', 'X-MS-CLIENT-PRINCIPAL-ID', 'X-MS-TOKEN-AAD-ID-TOKEN', 'X-Userinfo'],
  ...[
    'X-Consumer-ID',
    'X-Consumer-Username',
    'X-Consumer-Custom-ID',
    'X-Credential-Identifier',
    'X-Anonymous-Consumer',
  ],
  ...['X-authentik-username', 'X-Pomerium-Jwt-Assertion', 'X-Pomerium-Claim-Email', 'X-Vouch-User', 'X-Authelia-User'],
  ...['X-Token-User-Email', 'X-Token-Subject', 'X-JWT-Assertion', 'X-JWT-Claim-Sub', 'X-JWT-Payload'],
  ...['Tailscale-User-Login', 'Teleport-Jwt-Assertion', 'X-Spiffe-Id', 'l5d-client-id', 'X-Replit-User-Id'],
  ...['Impersonate-User', 'Impersonate-Group', 'es-security-runas-user', 'X-Identity-Status', 'X-Proxy-User'],
  ...['X-Proxy-Roles', 'X-Proxy-Remote-User', 'Shib-Session-ID', 'eppn', 'OIDC-Claim-Sub', 'OIDC_CLAIM_email'],
  ...['MELLON-NAME_ID', 'SM_USER', 'SMUSER', 'SM-UniversalID', 'iv-user', 'iv-groups', 'iv-creds', 'OAM_REMOTE_USER'],
  ...['Osso-User-Dn', '$WSRU', '$WSAT', 'X-SSO-User', 'X-SAML-NameID', 'X-Trusted-User'],
];
const VALUE = 'admin-of-the-client';
const line = (name: string): string => `${name}: ${VALUE}`;

const FILE = {
  replaceAuth: true,
  auth: `
    jwt: { issuer: "ISSUER", audience: api.example.com, jwks_url: "ISSUER/jwks", claims_to_headers: { sub: X-Forwarded-User } }`,
  replaceRoutes: true,
  routes: `
  - { id: open, path: /open/*, upstream: backend, auth: none }
  - { id: guarded, path: /guarded/*, upstream: backend, auth: { jwt: true } }`,
};
let alone: Ground;
let behind: Ground;
beforeAll(async () => {
  const top = 'trusted_proxies: [127.0.0.1]\ntrusted_headers: [X-Forwarded-Email, cf-access-authenticated-user-email]';
  [alone, behind] = await Promise.all([openGround(FILE), openGround({ ...FILE, top })]);
});
afterAll(closeGrounds);

async function upstream(on: Ground, bytes: string, status = 200): Promise<Message> {
  expect(statusOf(await on.send(bytes))).toBe(status);
  const [message, ...more] = on.arrived();
  if (!message) throw new Error('nothing arrived');
  expect(more).toEqual([]);
  return message;
}

const TRUSTED = ['x-forwarded-email', 'cf-access-authenticated-user-email'];
const bearer = async (on: Ground): Promise<string> =>
  `Authorization: Bearer ${await on.issuer.token({ sub: 'alice' })}`;

describe('an identity header of another product', () => {
  test('reaches no upstream from a client: on open and guarded routes, in handshakes, in any spelling', async () => {
    const token = await bearer(alone);
    for (const names of inBatches([...OTHERS, ...sendable('where_named')])) {
      for (const spell of [(name: string) => name, (name: string) => name.replaceAll('-', '_').toLowerCase()]) {
        const lines = names.map(spell).map(line);
        for (const [bytes, status] of [
          [get('/open/x', ...lines), 200],
          [get('/guarded/x', token, ...lines), 200],
          [request('POST', '/guarded/x', [token, ...lines, 'Content-Length: 2'], 'hi'), 200],
          [handshake('/open/x', ...lines), 101],
          [handshake('/guarded/x', token, ...lines), 101],
        ] as const) {
          expect((await upstream(alone, bytes, status)).raw).not.toContain(VALUE);
        }
      }
    }
  });

  test('reaches no upstream through a trusted proxy either, unless trusted_headers names it', async () => {
    const token = await bearer(behind);
    for (const names of inBatches([...OTHERS, ...sendable('where_named')])) {
      const lines = names.map(line);
      for (const [bytes, status] of [
        [get('/open/x', ...lines), 200],
        [get('/guarded/x', token, ...lines), 200],
        [handshake('/guarded/x', token, ...lines), 101],
      ] as const) {
        const message = await upstream(behind, bytes, status);
        const passed = message.fields.filter(([, value]) => value.includes(VALUE)).map(([name]) => name.toLowerCase());
        const expected = names.map((name) => name.toLowerCase()).filter((name) => TRUSTED.includes(name));
        expect([...new Set(passed)].sort()).toEqual(expected.sort());
      }
    }
  });

  test('in another spelling does not pass as one that trusted_headers names', async () => {
    const lines = ['X_Forwarded_Email', 'X-Forwarded_Email', 'x.forwarded.email', 'CF_Access-Authenticated-User-Email'];
    expect((await upstream(behind, get('/open/x', ...lines.map(line)))).raw).not.toContain(VALUE);
  });

  test('twin: passes from the proxy even if the Connection of the client names it', async () => {
    const named = ['Connection: X-Forwarded-Email', line('X-Forwarded-Email')];
    expect(lookalikesOf(await upstream(behind, get('/open/x', ...named)), 'X-Forwarded-Email')).toHaveLength(1);
    expect((await upstream(alone, get('/open/x', ...named))).raw).not.toContain(VALUE);
  });

  test('twin: the identity of the token is sent in X-Forwarded-User, whatever the client or the proxy sends', async () => {
    for (const on of [alone, behind]) {
      const token = await bearer(on);
      for (const [bytes, status] of [
        [get('/guarded/x', token, line('X-Forwarded-User'), line('x_forwarded_user')), 200],
        [handshake('/guarded/x', token, line('X-Forwarded-User')), 101],
      ] as const) {
        const message = await upstream(on, bytes, status);
        expect(lookalikesOf(message, 'X-Forwarded-User')).toEqual([['x-forwarded-user', 'alice']]);
      }
      expect(lookalikesOf(await upstream(on, get('/open/x', line('X-Forwarded-User'))), 'X-Forwarded-User')).toEqual(
        [],
      );
    }
  });

  test('twin: other headers of the client are forwarded', async () => {
    const lines = ['X-Auth-Token', 'X-User', 'X-Remote-Control', 'X-Forward', 'X-Custom', 'Remote-Debugging'].map(line);
    const message = await upstream(alone, get('/open/x', ...lines));
    expect(message.fields.filter(([, value]) => value === VALUE)).toHaveLength(lines.length);
  });
});

describe('an identity header of another product that is the place of a credential', () => {
  const places = (more = ''): Promise<Ground> =>
    openGround({
      ...FILE,
      auth: `
    jwt: { issuer: "ISSUER", audience: api.example.com, jwks_url: "ISSUER/jwks", header: Cf-Access-Jwt-Assertion, scheme: ""${more} }`,
    });

  test('twin: is read, and is not forwarded with forward_credentials: false', async () => {
    const on = await places(', forward_credentials: false');
    const token = await on.issuer.token({ sub: 'alice' });
    const credential = `Cf-Access-Jwt-Assertion: ${token}`;
    for (const [bytes, status] of [
      [get('/guarded/x', credential), 200],
      [handshake('/guarded/x', credential), 101],
    ] as const) {
      expect((await upstream(on, bytes, status)).raw).not.toContain(token);
    }
  });

  test('twin: is forwarded where it granted, like any token, and nowhere else', async () => {
    const on = await places();
    const token = await on.issuer.token({ sub: 'alice' });
    const credential = `Cf-Access-Jwt-Assertion: ${token}`;
    const message = await upstream(on, get('/guarded/x', credential));
    expect(valuesOf(message, 'Cf-Access-Jwt-Assertion')).toEqual([token]);
    expect((await upstream(on, get('/open/x', credential))).raw).not.toContain(token);
    expect((await upstream(on, get('/guarded/x', credential, `Cf_Access_Jwt_Assertion: ${VALUE}`))).raw).not.toContain(
      VALUE,
    );
    expect(statusOf(await on.send(get('/guarded/x', `Cf-Access-Jwt-Assertion: ${VALUE}`)))).toBe(401);
    expect(on.arrived()).toEqual([]);
  });
});

const AUTH = 'middleware: { auth: { api_key: { keys: [{ key: key-of-alice, name: alice }] } } }';
const ROUTED = `${AUTH}
routes: [{ id: a, path: /a, auth: { api_key: true } }, { id: open, path: /open, auth: none }]`;

describe('before a handler of the host', () => {
  /** Every view of a request that the handler has, once the trailers have arrived. */
  async function viewsOf(req: IncomingMessage): Promise<string> {
    for await (const chunk of req) void chunk;
    const { headers, headersDistinct, rawHeaders, trailers, trailersDistinct, rawTrailers } = req;
    return JSON.stringify([headers, headersDistinct, rawHeaders, trailers, trailersDistinct, rawTrailers]);
  }

  async function host(texts: readonly string[], use: (port: number) => Promise<void>): Promise<void> {
    const gates = texts.map((text) => loom({ text, file: 'loom.yaml' }));
    const server: Server = createServer((req, res) => {
      const from = (at: number): void => {
        const gate = gates[at];
        if (gate) gate(req, res, () => from(at + 1));
        else void viewsOf(req).then((views) => res.end(views));
      };
      from(0);
    });
    gates[0]?.attach(server);
    server.on('upgrade', (req: IncomingMessage, socket: Socket) => {
      const { headers, headersDistinct, rawHeaders } = req;
      socket.end(`HTTP/1.1 101 Switching Protocols\r\n\r\n${JSON.stringify([headers, headersDistinct, rawHeaders])}`);
    });
    const sockets: Socket[] = [];
    server.on('connection', (socket) => sockets.push(socket));
    const port = await listening(server);
    await use(port).finally(async () => {
      await closed(server, sockets);
      await Promise.all(gates.map((gate) => gate.close()));
    });
  }

  const KEY = 'X-API-Key: key-of-alice';
  const chunked = (path: string, lines: readonly string[]): string =>
    request(
      'POST',
      path,
      [KEY, 'Transfer-Encoding: chunked', ...lines],
      `2\r\nhi\r\n0\r\n${lines.join('\r\n')}\r\n\r\n`,
    );

  test('is in no view: headers, trailers and upgrades, on guarded, open and unmatched paths', async () => {
    await host([ROUTED], async (port) => {
      for (const names of inBatches([...OTHERS, ...sendable('where_named')])) {
        const lines = names.map(line);
        for (const path of ['/a', '/open', '/unmatched']) {
          for (const bytes of [get(path, KEY, ...lines), chunked(path, lines)]) {
            const answer = await askBytes(port, bytes);
            expect(statusOf(answer)).toBe(200);
            expect(answer).not.toContain(VALUE);
          }
          expect(await shakeHands(port, path, KEY, ...lines)).not.toContain(VALUE);
        }
      }
    });
  });

  test('twin: a trusted proxy passes the headers that trusted_headers names, in requests and upgrades', async () => {
    const text = `${ROUTED}\ntrusted_proxies: [127.0.0.1]\ntrusted_headers: [X-Forwarded-User]`;
    await host([text], async (port) => {
      const lines = [KEY, 'X-Forwarded-User: carol', line('X-Forwarded-Email')];
      for (const answer of [await askBytes(port, get('/a', ...lines)), await shakeHands(port, '/a', ...lines)]) {
        expect(answer).toContain('"x-forwarded-user":"carol"');
        expect(answer).not.toContain(VALUE);
      }
    });
  });

  test('twin: a header that a first gateway has set is kept by a second one', async () => {
    const mapped = AUTH.replace('name: alice }]', 'name: alice }], claims_to_headers: { name: X-Forwarded-User }');
    await host([mapped, AUTH], async (port) => {
      const answer = await askBytes(port, get('/a', KEY, line('X-Forwarded-User')));
      expect(answer).toContain('"x-forwarded-user":"alice"');
      expect(answer).not.toContain(VALUE);
    });
  });
});

describe('trusted_headers', () => {
  const load =
    (more: string, auth = AUTH) =>
    () =>
      loom({ text: `${auth}\n${more}`, file: 'loom.yaml' });
  const PROXIES = 'trusted_proxies: [10.0.0.1]';

  test.each<readonly [string, string]>([
    ['without trusted_proxies', 'trusted_headers: [X-Forwarded-User]'],
    ...[
      ...['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'x_forwarded_for', 'Forwarded', 'X-Real-IP'],
      ...['Host', 'Connection', 'Content-Length', 'Cookie', 'Authorization', 'X-Original-URL', 'Script-Name', 'Accept'],
      ...[
        'X-Forwarded-Client-Cert',
        'X-SSL-Client-S-DN',
        'constructor',
        'X-API-Key',
        'x_api_key',
        '"X Y"',
        '""',
        'null',
      ],
    ].map((name) => [name, `${PROXIES}\ntrusted_headers: [${name}]`] as const),
    ['twice', `${PROXIES}\ntrusted_headers: [X-Forwarded-User, x_forwarded_user]`],
    ['no list', `${PROXIES}\ntrusted_headers: X-Forwarded-User`],
    ['an empty list', `${PROXIES}\ntrusted_headers: []`],
  ])('do not load: %s', (_, more) => {
    expect(load(more)).toThrow(ConfigError);
  });

  test('do not load beside a method that sets the same header', () => {
    const auth = AUTH.replace('name: alice }]', 'name: alice }], claims_to_headers: { name: X-Forwarded-User }');
    expect(load(`${PROXIES}\ntrusted_headers: [x-forwarded_user]`, auth)).toThrow(/is set by this file/);
  });

  test.each(['[X-Forwarded-User]', '[X-Forwarded-User, Remote-User, X-Own-Identity]'])('twin: %s load', (list) =>
    load(`${PROXIES}\ntrusted_headers: ${list}`)().close(),
  );
});
