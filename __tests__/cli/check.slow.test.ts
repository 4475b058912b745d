/** `loom-auth check`: every mistake at its place, then who may call what; and what fails a deployment. */
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { checkFile } from '../../src/cli/check.js';
import { loomAuth, write } from './command.js';

const GATEWAY = `
listeners:
  - name: http
    address: "127.0.0.1:18080"
    protocol: http
middleware:
  auth:
    api_key:
      keys:
        - key: sk_checked_0123456789
          name: production
      claims_to_headers:
        name: X-Caller
    jwt:
      issuer: https://auth.example.com
      audience: api.example.com
      jwks_url: https://auth.example.com/.well-known/jwks.json
      algorithms: [ES256]
      claims_to_headers:
        sub: X-User-ID
routes:
  - id: public
    path: /public/*
    upstream: site
    auth: none
  - id: orders
    path: /orders/*
    methods: [GET, POST]
    upstream: backend
    auth:
      methods: [jwt, api_key]
upstreams:
  - name: backend
    endpoints: ["127.0.0.1:9001"]
  - name: site
    endpoints: ["127.0.0.1:9002"]
`;
const TABLE = `
ROUTE       PATH       METHODS   WHO MAY PASS    UPSTREAM  IDENTITY HEADERS
public      /public/*  any       PUBLIC          site
orders      /orders/*  GET,POST  jwt or api_key  backend   X-User-ID, X-Caller
(no route)  /*         any       404

api_key (API key)
  read from  X-Api-Key: <credential>
  keys       1
  headers    name -> X-Caller
  routes     orders

jwt (JSON Web Tokens)
  read from   Authorization: Bearer <credential>, Sec-WebSocket-Protocol: bearer, <credential>
  issuer      https://auth.example.com
  audience    api.example.com
  subject     sub, else client_id
  algorithms  ES256
  keys        https://auth.example.com/.well-known/jwks.json
  headers     sub -> X-User-ID
  routes      orders
`.trim();
const UNDECLARED = GATEWAY.replace('    auth: none\n', '');
const WRONG = `
middlewares: {}
middleware:
  auth:
    jwtt:
      issuer: https://auth.example.com
routes:
  - id: public
    path: /public/*
    upstrem: backend
  - id: orders
    path: /orders/*
    auth: {}
upstreams:
  - name: backend
    endpoints: []
`;
const NO_ROUTES = 'middleware: {auth: {api_key: {keys: [{key: sk_checked_0123456789, name: production}]}}}\n';

test('a file without fault shows who may call what, and is fine', async () => {
  write('fine.yaml', GATEWAY);
  const expected = { code: 0, stdout: `${TABLE}\n\n0 errors, 0 warnings\n`, stderr: '' };
  expect(await loomAuth(['check', 'fine.yaml'])).toEqual(expected);
  expect(await loomAuth(['check', 'fine.yaml', '--strict'])).toEqual(expected);
  write('loom.yaml', GATEWAY);
  expect(await loomAuth(['check'])).toEqual(expected);
});

test('every mistake is named at once, with file, line, column, path and the nearest right name', async () => {
  write('wrong.yaml', WRONG);
  const { code, stdout, stderr } = await loomAuth(['check', 'wrong.yaml']);
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  expect(stdout).toBe(`error wrong.yaml:2:1 middlewares: unknown key; did you mean "middleware"? [unknown_key]
error wrong.yaml:5:5 middleware.auth.jwtt: unknown key; did you mean "jwt"? [unknown_key]
error wrong.yaml:10:5 routes[0].upstrem: unknown key; did you mean "upstream"? [unknown_key]
error wrong.yaml:13:11 routes[1].auth: must not be empty: say "auth: none", a method such as "auth: {jwt: true}", or a list "auth: {methods: [jwt]}" [wrong_auth]
error wrong.yaml:16:16 upstreams[0].endpoints: must not be an empty list [wrong_value]

unknown_key: Correct the spelling, or remove the option.
wrong_auth: Write a form that the message names.
wrong_value: Write a value as the message says.

5 errors, 0 warnings
`);
});

test('a route that is open by silence is a warning in plain sight, and fails only --strict', async () => {
  write('silent.yaml', UNDECLARED);
  const { code, stdout } = await loomAuth(['check', 'silent.yaml']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^warning silent\.yaml:22:5 routes\[0\]: PUBLIC: .+auth: none/);
  expect(stdout).toMatch(/^public +\/public\/\* +any +PUBLIC \(not declared\) +site$/m);
  expect(stdout).toMatch(/\n0 errors, 1 warning\n$/);
  const strict = await loomAuth(['check', '--strict', 'silent.yaml']);
  expect(strict.code).toBe(1);
  expect(strict.stdout).toContain('silent.yaml:22:5 routes[0]: PUBLIC');
});

test('any other warning fails --strict as well', async () => {
  write('unbuilt.yaml', `${GATEWAY}cache: {enabled: true}\n`);
  expect(await loomAuth(['check', 'unbuilt.yaml'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('warning') as string,
  });
  expect((await loomAuth(['check', '--strict', 'unbuilt.yaml'])).code).toBe(1);
});

test('a file without routes is a host’s, and fine', async () => {
  write('host.yaml', NO_ROUTES);
  const { code, stdout } = await loomAuth(['check', '--strict', 'host.yaml']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ROUTE .+\n\(no route\) +\/\* +any +api_key$/m);
});

test('a Passport strategy of the host is known when it is named', async () => {
  write('badge.yaml', 'routes: [{id: doors, path: /doors/*, auth: {methods: [badge]}}]\n');
  expect((await loomAuth(['check', 'badge.yaml'])).code).toBe(1);
  const { code, stdout } = await loomAuth(['check', 'badge.yaml', '--strategy', 'badge']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^doors +\/doors\/\* +any +badge$/m);
});

test.each([
  ['missing.yaml', undefined],
  ['syntax.yaml', 'routes: ['],
  ['empty.yaml', ''],
  ['binary.yaml', '\u0000\u0001'],
])('%s cannot be used, and says so without a stack', async (name, text) => {
  if (text !== undefined) write(name, text);
  const { code, stdout, stderr } = await loomAuth(['check', name]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  expect(stdout).toMatch(new RegExp(`^error ${name}:\\d+:\\d+.*: .+`));
  expect(stdout).not.toMatch(/^\s+at /m);
});

describe('--json', () => {
  const json = async (...args: string[]) => {
    const { code, stdout } = await loomAuth(['check', '--json', ...args]);
    return { code, ...(JSON.parse(stdout) as { ok: boolean; diagnostics: object[]; access: object | null }) };
  };

  test('gives the diagnostics and the access table', async () => {
    write('json.yaml', UNDECLARED);
    const place = { file: 'json.yaml', line: 22, column: 5, path: 'routes[0]' };
    const message = expect.stringContaining('PUBLIC') as string;
    const rule = { cure: expect.any(String) as string, help: expect.stringContaining('public_route.md') as string };
    const end = { endLine: 22, endColumn: 7 };
    expect(await json('json.yaml')).toEqual({
      code: 0,
      ok: true,
      diagnostics: [{ level: 'warning', code: 'public_route', ...place, ...end, message, ...rule }],
      access: {
        rows: [
          expect.objectContaining({ route: 'public', path: '/public/*', public: true, declaredOpen: false }),
          expect.objectContaining({
            route: 'orders',
            methods: ['GET', 'POST'],
            requirement: 'jwt or api_key',
            public: false,
            identityHeaders: ['X-User-ID', 'X-Caller'],
          }),
          expect.objectContaining({ route: '(no route)', path: '/*', requirement: '404', public: false }),
        ],
        methods: [
          expect.objectContaining({
            name: 'api_key',
            headers: [{ claim: 'name', header: 'X-Caller' }],
            routes: ['orders'],
          }),
          expect.objectContaining({
            name: 'jwt',
            summary: expect.arrayContaining([['algorithms', 'ES256']]) as object,
          }),
        ],
      },
    });
  });

  test('says ok: false where the exit code does', async () => {
    write('json.yaml', UNDECLARED);
    expect(await json('json.yaml', '--strict')).toMatchObject({ code: 1, ok: false });
    write('wrong.yaml', WRONG);
    const wrong = await json('wrong.yaml');
    expect(wrong).toMatchObject({ code: 1, ok: false, access: null });
    expect(wrong.diagnostics).toHaveLength(5);
    expect(wrong.diagnostics[0]).toMatchObject({
      level: 'error',
      code: 'unknown_key',
      line: 2,
      column: 1,
      path: 'middlewares',
    });
  });

  test('is JSON even for a file that is none', async () => {
    expect(await json('nowhere.yaml')).toMatchObject({ code: 1, ok: false, access: null });
  });
});

test('a secret never appears, neither of a file that loads nor of one that does not', async () => {
  write('secret.yaml', GATEWAY);
  write('broken.yaml', GATEWAY.replace('name: production', 'name: [production]'));
  for (const args of [['secret.yaml'], ['--json', 'secret.yaml'], ['broken.yaml'], ['--json', 'broken.yaml']]) {
    expect((await loomAuth(['check', ...args])).stdout).not.toContain('sk_checked_0123456789');
  }
});

describe('colour', () => {
  const printed = (isTTY: boolean, env: Record<string, string>): string => {
    const stdout = Object.assign(new PassThrough(), { isTTY });
    const terminal = { stdin: new PassThrough(), stdout, stderr: new PassThrough(), env };
    checkFile(write('colour.yaml', UNDECLARED), {}, terminal);
    return String(stdout.read());
  };
  const ESCAPE = '\u001b[';

  test('marks warnings and PUBLIC on a terminal', () => {
    const text = printed(true, {});
    expect(text).toContain(`${ESCAPE}33mwarning${ESCAPE}39m`);
    expect(text).toContain(`${ESCAPE}33mPUBLIC (not declared)`);
    expect(text).not.toContain(`${ESCAPE}33mjwt or api_key`);
  });

  test('is absent in a pipe and under NO_COLOR, and so changes no column', async () => {
    const plain = printed(true, { NO_COLOR: '1' });
    expect(plain).not.toContain(ESCAPE);
    expect(printed(false, {})).toBe(plain);
    expect(stripVTControlCharacters(printed(true, {})).replace(/ +$/gm, '')).toBe(plain);
    for (const env of [{}, { NO_COLOR: '1' }, { FORCE_COLOR: '1' }]) {
      expect((await loomAuth(['check', 'colour.yaml'], { env })).stdout).not.toContain(ESCAPE);
    }
  });
});
