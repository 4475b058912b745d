/**
 * Secrets that must not appear in a log at any level, in a response, or in the output of a command, in any encoding.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { accessTable } from '../../../src/config/access.js';
import { ConfigError } from '../../../src/config/diagnostics.js';
import { compileFile } from '../../../src/config/index.js';
import { built, NODE } from '../../support/built.js';
import {
  ADMIN_BASIC,
  CLIENT_SECRET,
  closeGrounds,
  get,
  KEY,
  openGround,
  PASSWORD,
  request,
  type Ground,
} from '../../support/attack-ground.js';
import { ask } from '../../support/ask.js';
import { handshake } from '../../support/handshake.js';
import { until } from '../../support/until.js';
import { runProcess } from '../../support/process.js';
import { json, raw } from '../../tokens/introspection-server.js';
import { secretToken } from '../../support/token-issuer.js';

afterAll(closeGrounds);

/** The text in every encoding that a log might contain, with base64 at each of its three alignments. */
function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString('hex');
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    // Characters that depend on the neighbours of the secret are left out at both ends.
    return text.slice(Math.ceil((shift * 4) / 3), Math.floor(((shift + bytes.length) * 4) / 3) - 1);
  });
  return [
    secret,
    encodeURIComponent(secret),
    hex.replace(/../g, '%$&'),
    hex.toUpperCase().replace(/../g, '%$&'),
    hex,
    hex.toUpperCase(),
    JSON.stringify(secret).slice(1, -1),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
}

const found = (output: string, secrets: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(secrets)
    .filter(([, secret]) => formsOf(secret).some((form) => form.length > 7 && output.includes(form)))
    .map(([name]) => name);

const ADMIN_TOKEN = 'token-of-the-scraper-of-this-test';
const SHARED = 'a-shared-secret-of-thirty-two-bytes!';
const FROM_ENV = 'introspection-secret-from-env';
const HASHED = 'b5bea41b6c623f7c09f1bf24dcae58ebab3c0cdd90ad966bc43a45b44867e12b';

const secretsOf = async ({ issuer }: Ground) => ({
  key: KEY,
  password: PASSWORD,
  clientSecret: CLIENT_SECRET,
  adminToken: ADMIN_TOKEN,
  shared: SHARED,
  keyHash: HASHED,
  token: await issuer.token({ sub: 'ada', jti: 'of-this-test' }),
  sharedToken: await secretToken(SHARED, { sub: 'shared' }),
  opaque: 'opaque-token-of-the-introspected',
  wrongKey: 'sk_live_mistyped_key_0001',
  wrongPassword: 'correct horse batterie',
  basic: ADMIN_BASIC.Authorization.slice(6),
  cookie: 'session-cookie-of-somebody',
  setCookie: 'cookie-of-the-upstream-01',
  queryToken: 'token-in-a-query-of-the-client',
  subprotocol: 'token.in.a-subprotocol-list',
  body: 'secret-within-a-request-body',
});

type Secrets = Awaited<ReturnType<typeof secretsOf>>;

const lines = (s: Secrets): readonly string[] => {
  const close = 'Connection: close';
  const bearer = (token: string) => `Authorization: Bearer ${token}`;
  const basic = (text: string) => `Authorization: Basic ${Buffer.from(text).toString('base64')}`;
  const credentials = [
    ...[s.token, s.sharedToken, s.opaque, `${s.token}x`, s.queryToken].map(bearer),
    ...[`X-API-Key: ${s.key}`, `X-API-Key: ${s.wrongKey}`, basic(`admin:${s.password}`)],
    ...[basic(`admin:${s.wrongPassword}`), basic(s.wrongPassword), `Authorization: Basic ${s.password}`],
    ...[`Authorization: ${s.token}`, `Authorization: Token ${s.opaque}`, `Cookie: session=${s.cookie}`],
    ...[`Referer: http://gw/x?api_key=${s.key}`, `X-API-Key: ${s.key}\r\nX-API-Key: ${s.key}`],
    ...[`Proxy-Authorization: Basic ${s.basic}`, `${bearer(s.token)}\r\n${bearer(s.opaque)}`],
  ];
  const paths = [
    '/public/x',
    '/internal',
    '/api/v1/x',
    '/ops',
    '/oauth',
    '/any',
    '/all',
    '/optional',
    '/dead',
    '/nowhere',
    '/public/../x',
    '/shared',
  ];
  const queries = ['api_key', 'access_token', 'API_KEY', 'key', 'token'];
  return [
    ...paths.flatMap((path) => credentials.map((line) => get(path, line, close))),
    ...paths.flatMap((path) => queries.map((name) => get(`${path}?${name}=${s.key}&x=${s.queryToken}`, close))),
    ...paths.map((path) => get(`${path}?api_key=${Buffer.from(s.key).toString('hex').replace(/../g, '%$&')}`, close)),
    ...paths.map((path) => handshake(path, `Sec-WebSocket-Protocol: bearer, ${s.subprotocol}`)),
    ...paths.map((path) => handshake(path, bearer(s.token))),
    ...paths.map((path) => request('POST', path, [`Content-Length: ${s.body.length}`, close], s.body)),
    // Bytes that never become a request; the parser reports them with its error.
    `GET /internal HTTP/1.1\r\nHost: gw\r\nAuthorization : Bearer ${s.token}\r\n\r\n`,
    `GET /internal HTTP/1.1\r\nHost: gw\r\nX-API-Key: ${s.key}\u0001\r\n\r\n`,
    `GET /api/v1/x?api_key=${s.key} HTTP/9.9\r\n\r\n`,
    `${s.password}\r\n\r\n`,
    get('/internal', bearer(s.token), `X: ${'x'.repeat(40_000)}`),
  ];
};

/** Every error message about a file, and its plan. */
function diagnosed(file: string): string {
  try {
    const { plan, warnings } = compileFile(file, { mode: 'serve', env: { LOOM_TEST_SECRET: FROM_ENV } });
    return JSON.stringify([warnings, plan.routes, accessTable(plan)]);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return `${error.message}${error.stack ?? ''}${JSON.stringify(error.diagnostics)}`;
  }
}

const groundOf = (format: string): Promise<Ground> =>
  openGround({
    routes: `
  - { id: dead, path: /dead, upstream: dead, auth: { methods: [jwt, api_key] } }
  - { id: shared, path: /shared, upstream: backend, auth: { jwt: true } }`,
    upstreams: '  - { name: dead, endpoints: ["127.0.0.1:1"] }',
    top: `admin: { address: "127.0.0.1:PORT3", auth: { type: bearer, bearer: { token: ${ADMIN_TOKEN} } } }
logging: { level: trace, format: ${format}, access: { enabled: true }, request_id: { header: X-Request-ID } }`,
    answer: ({ method }) =>
      `HTTP/1.1 200 OK\r\nSet-Cookie: s=cookie-of-the-upstream-01\r\nContent-Length: 0\r\nX-M: ${method}\r\n\r\n`,
  });

describe('LOG-02 secrets in output', () => {
  test.each(['json', 'text'])('are absent at the level trace, as %s', async (format) => {
    const ground = await groundOf(format);
    const secrets = await secretsOf(ground);
    const faults = [
      json({ active: true, sub: 'bob' }),
      raw(500, `cannot check ${secrets.opaque} of loom:${CLIENT_SECRET}`),
      raw(200, `{"active": tru ${secrets.opaque}`),
      json({ error: 'invalid', token: secrets.opaque, detail: CLIENT_SECRET }, 401),
      raw(302, '', { Location: `http://127.0.0.1:1/?token=${secrets.opaque}` }),
    ];
    const all = lines(secrets);
    let asked = 0;
    for (const [at, bytes] of all.entries()) {
      ground.introspection.answer = faults[at % faults.length] as (typeof faults)[number];
      const answer = await ground.send(bytes);
      if (answer !== '') asked += 1;
      expect({ bytes, told: found(answer.replaceAll(secrets.setCookie, ''), secrets) }).toEqual({ bytes, told: [] });
    }
    expect(asked).toBeGreaterThan(200);
    expect(ground.output()).toMatch(/access/);
    for (const path of ['/metrics', '/routes', '/upstreams', '/health', '/ready', '/nothing']) {
      const [, port = 0] = ground.morePorts;
      for (const token of [ADMIN_TOKEN, secrets.token]) {
        const answer = await ask({ port, path, headers: { Authorization: `Bearer ${token}` } });
        expect({ path, told: found(JSON.stringify(answer), secrets) }).toEqual({ path, told: [] });
        if (token === ADMIN_TOKEN && path !== '/nothing') expect([path, answer.status]).toEqual([path, 200]);
        // Subjects are not secret, but they are not labels either.
        if (path === '/metrics') expect(answer.body).not.toMatch(/="(?:alice|admin|ada|bob)"|127\.0\.0\.1"/);
      }
    }
    expect(found(ground.output(), secrets)).toEqual([]);
  });

  test('are absent in the output of check, for a valid or a broken file', async () => {
    const text = `
middleware:
  auth:
    jwt: { algorithm: HS256, secret: ${SHARED} }
    api_key: { keys: [{ key: ${KEY}, name: a }, { key_hash: "sha256:${HASHED}", name: b }] }
    oauth: { introspection_url: "https://id.example/i", client_id: loom, client_secret: "\${LOOM_TEST_SECRET}" }
routes: [{ id: a, path: /a, upstream: b, auth: { methods: [jwt, api_key, oauth] } }]
listeners: [{ name: main, address: "127.0.0.1:1", protocol: http }]
upstreams: [{ name: b, endpoints: ["127.0.0.1:1"] }]
`;
    const secrets = { key: KEY, shared: SHARED, keyHash: HASHED, env: FROM_ENV };
    const broken = [
      text,
      text.replace('name: b', 'name: a'),
      text.replace(`key: ${KEY}`, `key: [${KEY}]`),
      text.replace(`key: ${KEY}`, `${KEY}: x`),
      text.replace(`key: ${KEY}`, `key: " ${KEY}"`),
      text.replace(`secret: ${SHARED}`, `secret: { a: ${SHARED} }`),
      text.replace('sha256:', 'sha1:'),
      text.replace('algorithm: HS256', 'algorithm: RS256'),
      text.replace('client_id: loom, ', ''),
      text.replace('"https://id.example/i"', `"https://loom:${FROM_ENV}@id.example/i"`),
      text.replace('path: /a', `path: /a?key=${KEY}, oops: [`),
      `${text}\n  : ${KEY}: {`,
    ];
    const folder = mkdtempSync(join(tmpdir(), 'loom-exposure-'));
    for (const [at, content] of broken.entries()) {
      const file = join(folder, `${at}.yaml`);
      writeFileSync(file, content);
      expect({ at, told: found(diagnosed(file), secrets) }).toEqual({ at, told: [] });
    }
    for (const more of [['0.yaml'], ['--json', '0.yaml'], ['--json', '2.yaml'], ['11.yaml']]) {
      const options = { cwd: folder, env: { LOOM_TEST_SECRET: FROM_ENV } };
      const { stdout, stderr } = await runProcess(NODE, [built(), 'check', ...more], options);
      expect(stdout + stderr).not.toBe('');
      expect(found(stdout + stderr, secrets)).toEqual([]);
    }
    rmSync(folder, { recursive: true });
  });

  test('twin: the search finds each form of each secret, and the log contains other values', async () => {
    const secrets = { one: 'sk_live_attack_ground_1', two: 'correct horse battery' };
    for (const [name, secret] of Object.entries(secrets)) {
      const bytes = Buffer.from(secret);
      const written = [
        ...['base64', 'base64url', 'hex'].map((encoding) => bytes.toString(encoding as 'hex')),
        ...['', 'u:', 'ab:', 'abc:'].map((before) => Buffer.from(`${before}${secret}:x`).toString('base64')),
        encodeURIComponent(secret),
        secret,
      ];
      for (const text of written) expect(found(`{"x":"${text}"}`, secrets)).toEqual([name]);
    }
    expect(found('{"path":"/api/v1/x"}', secrets)).toEqual([]);
    const ground = await groundOf('json');
    await ground.send(get('/api/v1/x', `X-API-Key: ${KEY}`, 'Connection: close'));
    await until(() => /"subject":"alice"/.test(ground.output()));
  });
});
