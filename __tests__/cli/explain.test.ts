/** `loom-auth explain`: what it answers, in words and as JSON, and with which exit code. */
import { createServer, type Socket } from 'node:net';
import type { Explanation } from '../../src/runtime/explain/explanation.js';
import { closed, listening } from '../support/recording-upstream.js';
import { signed, signingKey } from '../tokens/signing.js';
import { explain, file } from './explain-run.js';

const KEY = 'sk_test_0123456789abcdef0123456789abcdef';
const issuer = signingKey('ES256');
const jwks = (): string =>
  file('keys.json', JSON.stringify({ keys: [{ ...issuer.jwk, kid: 'k1', alg: 'ES256', use: 'sig' }] }));
const token = (claims: object): Promise<string> =>
  signed(
    { iss: 'https://issuer.example', aud: 'api', sub: 'ada', exp: 1_900_000_000, ...claims },
    { alg: 'ES256', key: issuer.privateKey, header: { kid: 'k1' } },
  );

const LOOM = `
middleware:
  auth:
    api_key: { keys: [{ key: ${KEY}, name: orders }], claims_to_headers: { name: X-Caller } }
    jwt: { issuer: "https://issuer.example", audience: api }
    chain: [api_key, jwt]
    require_any: true
rate_limit: { default: { rate: "10/s", burst: 5 } }
routes:
  - { id: public, path: /public/*, auth: none }
  - { id: orders, path: /orders/*, methods: [GET] }
`;
const loom = (): string => file('loom.yaml', LOOM);

const json = async (args: readonly string[], around?: Parameters<typeof explain>[1]): Promise<Explanation> => {
  const { stdout } = await explain([...args, '--json'], around);
  return JSON.parse(stdout) as Explanation;
};

describe('exit codes', () => {
  test.each<readonly [number, string, readonly string[]]>([
    [0, 'an allowed request', ['GET', 'https://a.example/orders/1', '-H', `X-API-Key: ${KEY}`]],
    [0, 'a public path', ['https://a.example/public/x']],
    [1, 'a denied request', ['GET', 'https://a.example/orders/1']],
    [2, 'a URL that is none', ['GET', 'orders']],
    [2, 'no URL', []],
    [2, 'a word too much', ['a', 'b', 'GET', 'https://a.example/']],
    [2, 'a header without a name', ['GET', 'https://a.example/', '-H', 'X-API-Key']],
    [2, 'headers from a file', ['GET', 'https://a.example/', '-H', '@headers.txt']],
    [2, 'an unknown option', ['GET', 'https://a.example/', '--verbose']],
    [2, 'a time that is none', ['GET', 'https://a.example/', '--at', 'soon']],
    [2, 'an address that is none', ['GET', 'https://a.example/', '--from', 'here']],
    [2, 'a missing certificate', ['GET', 'https://a.example/', '--cert', '/nowhere.pem']],
    [2, 'a missing key set', ['GET', 'https://a.example/', '--jwks', '/nowhere.json']],
    [2, 'a curl command that is no input', ['--curl', 'curl https://a.example/']],
  ])('%i: %s', async (code, _name, args) => {
    expect((await explain([loom(), ...args])).code).toBe(code);
  });

  test('2: a file with a mistake, which its line names', async () => {
    const { code, stderr } = await explain([file('wrong.yaml', 'routes: 1'), 'GET', 'https://a.example/']);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^error .*wrong\.yaml:1:9/)]);
  });

  test('3: the key set is on the network', async () => {
    const args = [loom(), 'GET', 'https://a.example/orders/1', '-H', `Authorization: Bearer ${await token({})}`];
    const { code, stdout } = await explain(args);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^NOT DECIDED: needs the key set \(give --jwks FILE or --online\)/);
    expect(await json(args)).toMatchObject({ outcome: 'undecided', allowed: null, status: null, needs: ['key_set'] });
  });

  test('3: the key store is a database, which only --online asks', async () => {
    const connections: Socket[] = [];
    const database = createServer((socket) => void connections.push(socket.destroy()));
    const port = await listening(database);
    const stored = file(
      'stored.yaml',
      `middleware: { auth: { api_key: { store: { type: postgres, url: "postgres://loom@127.0.0.1:${port}/loom" } }, chain: [api_key] } }`,
    );
    const args = [stored, 'GET', 'https://a.example/orders/1', '-H', 'X-API-Key: a-key-that-only-the-database-knows'];
    const { code, stdout } = await explain(args);
    expect([code, stdout]).toEqual([3, expect.stringMatching(/^NOT DECIDED: needs the key store \(give --online\)/)]);
    expect(connections).toEqual([]);
    // Twin: the database is asked, and does not answer.
    expect(await json([...args, '--online'])).toMatchObject({ allowed: false, reason: 'key_store_unavailable' });
    expect(connections.length).toBeGreaterThan(0);
    await closed(database);
  });
});

test('without a route, the text names the routes that nearly match', async () => {
  const wrongMethod = await explain([loom(), 'DELETE', 'https://a.example/orders/1']);
  expect(wrongMethod.stdout).toMatch(/^near route {2}orders: it has the HTTP method GET$/m);
  const wrongCase = await explain([loom(), 'GET', 'https://a.example/ORDERS/1']);
  expect(wrongCase.stdout).toMatch(/^near route {2}orders: it has the path \/orders\/\*$/m);
});

describe('keys, time and address', () => {
  const asked = async (claims: object, ...more: readonly string[]): Promise<Explanation> =>
    json([loom(), 'GET', 'https://a.example/orders/1', '-H', `Authorization: Bearer ${await token(claims)}`, ...more]);

  test('a key set of a file decides', async () => {
    expect(await asked({}, '--jwks', jwks())).toMatchObject({ allowed: true, identities: [{ subject: 'ada' }] });
    expect(await asked({ aud: 'web' }, '--jwks', jwks())).toMatchObject({ status: 401, reason: 'token_audience' });
  });

  test('a key set is for its issuer alone', async () => {
    expect(await asked({}, '--jwks', `https://issuer.example=${jwks()}`)).toMatchObject({ allowed: true });
    expect(await asked({}, '--jwks', `https://other.example=${jwks()}`)).toMatchObject({ outcome: 'undecided' });
  });

  test('--at decides at another time', async () => {
    const late = await asked({ exp: 1_800_000_000 }, '--jwks', jwks(), '--at', '2027-01-15T08:00:41Z');
    expect(late).toMatchObject({ reason: 'token_expired', request: { at: '2027-01-15T08:00:41.000Z' } });
    expect(late.detail).toContain('expired 41 s ago');
    const early = await asked({ exp: 1_800_000_000 }, '--jwks', jwks(), '--at', '2027-01-15T07:59:00Z');
    expect(early.allowed).toBe(true);
  });

  test('--from is the address of the client', async () => {
    const guarded = file(
      'inside.yaml',
      `middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: a, allowed_ips: [10.0.0.0/8] }] }, chain: [api_key] } }`,
    );
    const args = [guarded, 'GET', 'https://a.example/', '-H', `X-API-Key: ${KEY}`];
    expect(await json([...args, '--from', '10.1.2.3'])).toMatchObject({ allowed: true });
    expect(await json([...args, '--from', '192.0.2.1'])).toMatchObject({ status: 403, reason: 'not_allowed' });
  });

  test('on a Unix socket the client is unknown, unless a trusted header or --from has its address', async () => {
    const socket = (more: string): string =>
      file(
        'socket.yaml',
        `listeners: [{ name: local, address: "unix:/run/loom.sock"${more} }]
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: orders, allowed_ips: [198.51.100.0/24, 127.0.0.1] }] } } }
routes: [{ path: /orders, upstream: orders, auth: { api_key: true } }]
upstreams: [{ name: orders, endpoints: ["unix:/run/app.sock"] }]
trusted_proxies: [unix]
`,
      );
    const key = ['-H', `X-API-Key: ${KEY}`];
    const named = [...key, '-H', 'X-Forwarded-For: 198.51.100.8'];
    const balanced = ', proxy_protocol: { from: [unix] }';
    for (const [more, args, client, allowed] of [
      ['', key, 'unknown via unix', false],
      ['', named, '198.51.100.8', true],
      ['', [...named, '--from', 'unix'], '198.51.100.8', true],
      ['', [...key, '--from', '198.51.100.9'], '198.51.100.9', true],
      [balanced, named, '127.0.0.1', true],
      [balanced, [...key, '--from', '203.0.113.1'], '203.0.113.1', false],
    ] as const) {
      const explained = await json([socket(more), 'GET', '/orders', ...args]);
      expect([args, explained.request.client, explained.allowed]).toEqual([args, client, allowed]);
      expect(explained.request.listener).toBe('local');
    }
  });
});

test('the text says what was looked for, what was found and what to do', async () => {
  const { stdout } = await explain([loom(), 'GET', 'https://a.example/orders/1?x=1', '-H', 'X-Api-Token: abc']);
  const text = stdout.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/, 'TIME');
  expect(text).toMatchInlineSnapshot(`
    "DENIED 401 unauthorized credential_missing

    request     GET /orders/1 of a.example, from 127.0.0.1, with TLS, at
                TIME
    route       orders: the path /orders/*, the HTTP method GET and any host
    requires    api_key or jwt

    api_key     no credential in header \`X-Api-Key\`; the request has \`X-Api-Token\`
                looks in header \`X-Api-Key\`
    jwt         no credential in \`Authorization: Bearer …\` or subprotocol \`bearer\`;
                the request has \`X-Api-Token\`
                looks in \`Authorization: Bearer …\`, subprotocol \`bearer\`

    cure        Send the credential where an auth method of the route reads it.
    "
  `);
});

test('the text of an allowed request has the caller, the headers and the limits', async () => {
  const { stdout } = await explain([loom(), 'GET', 'https://a.example/orders/1', '-H', `X-API-Key: ${KEY}`]);
  expect(stdout.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/, 'TIME')).toMatchInlineSnapshot(`
    "ALLOWED (granted)

    request     GET /orders/1 of a.example, from 127.0.0.1, with TLS, at
                TIME
    route       orders: the path /orders/*, the HTTP method GET and any host
    requires    api_key or jwt

    api_key     accepted
                looks in header \`X-Api-Key\`
                found a value of 40 characters in header \`X-Api-Key\`
    jwt         not tried
                looks in \`Authorization: Bearer …\`, subprotocol \`bearer\`

    caller      orders, by api_key
    header      X-Caller: orders
    limit       global: 10 in 1 s, burst 5

    note        No limit was counted. A gateway answers 429 above a limit.
    "
  `);
});

test('no line is longer than 80 columns, and only a terminal gets colors', async () => {
  const long = `${'very-long-header-name-'.repeat(8)}: ${'v'.repeat(300)}`;
  const args = [loom(), 'GET', `https://a.example/orders/${'x'.repeat(300)}`, '-H', long, '-H', 'X-API-Key: wrong'];
  const { stdout } = await explain(args);
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(stdout).not.toContain('\u001b');
  expect((await explain(args, { isTTY: true })).stdout).toContain('\u001b[31mDENIED');
});

test('control characters and marks of direction are escaped, in text and JSON', async () => {
  const subject = 'a\u202eb\u2028c\u009bd';
  const args = [loom(), 'GET', 'https://a.example/orders/1', '--jwks', jwks(), '-H'];
  const all = [...args, `Authorization: Bearer ${await token({ sub: subject })}`];
  const outputs = await Promise.all([explain(all), explain([...all, '--json'])]);
  for (const { stdout } of outputs) expect(stdout).not.toMatch(/(?!\n)[\p{Cc}\u2028\u202e]/u);
});

test('no output has the credential', async () => {
  const secret = 'not-to-be-shown-0123456789';
  const headers = [`X-API-Key: ${secret}`, `Authorization: Bearer ${secret}`, `Cookie: session=${secret}`].flatMap(
    (each) => ['-H', each],
  );
  const url = `https://user:${secret}@a.example/orders/1;key=${secret}?key=${secret}`;
  for (const more of [[], ['--json']]) {
    const { stdout, stderr } = await explain([loom(), 'GET', url, ...headers, ...more]);
    expect(stdout).not.toBe('');
    expect(stdout + stderr).not.toContain(secret);
  }
});

test('a value that an earlier auth method refused is not called missing', async () => {
  const both = file(
    'both.yaml',
    `middleware:
  auth:
    jwt: { issuer: "https://issuer.example", audience: api }
    oauth: { introspection_url: "https://issuer.example/introspect", client_id: a, client_secret: s-0123456789abcdef }
    chain: [jwt, oauth]
    require_any: true
`,
  );
  const args = [both, 'GET', 'https://a.example/', '--jwks', jwks(), '-H'];
  const { methods } = await json([...args, `Authorization: Bearer ${await token({ aud: 'web' })}`]);
  expect(methods.map(({ name, result, detail }) => [name, result, detail])).toEqual([
    ['jwt', 'rejected', '`aud` is "web"; expected "api"'],
    ['oauth', 'absent', 'the value in `Authorization: Bearer …` is for another auth method'],
  ]);
});
