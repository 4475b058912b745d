/** Files with small mistakes: an option name or a type that is nearly right. */
import { openGround, closeGrounds } from '../../support/attack-ground.js';
import { statusOf } from '../../support/ask.js';
import { EXIT } from '../../../src/cli/exit-codes.js';
import { checked, errors, expectLoads, expectRefused, whole, WHOLE } from './files.js';

const REQUIRE = '      require: true\n';
const GUARD = '    auth:\n      jwt: true\n';

describe('CFG-01 unknown keys', () => {
  test.each([
    [REQUIRE, '      requier: true\n', 'routes[2].auth.requier', /"require"/],
    [GUARD, '    auth: {api-key: true}\n', 'routes[1].auth.api-key', /"api_key"/],
    [GUARD, '    auth: {apikey: true}\n', 'routes[1].auth.apikey', /"api_key"/],
    [GUARD, '    auth: {API_KEY: true}\n', 'routes[1].auth.API_KEY', /"api_key"/],
    [GUARD, '    Auth: {jwt: true}\n', 'routes[1].Auth', /"auth"/],
    [GUARD, '    auth : {jwtt: true}\n', 'routes[1].auth.jwtt', /"jwt"/],
    [GUARD, '    aut\u04bb: {jwt: true}\n', 'routes[1]["aut\u04bb"]', /"auth"/],
    [GUARD, '    "auth\u00a0": {jwt: true}\n', 'routes[1]["auth\u00a0"]', /"auth"/],
    [GUARD, '    auth\u200b: {jwt: true}\n', 'routes[1]["auth\u200b"]', /"auth"/],
    [GUARD, '    authentication: {jwt: true}\n', 'routes[1].authentication', /unknown key/],
    [GUARD, '    middleware: {auth: {jwt: true}}\n', 'routes[1].middleware', /unknown key/],
    [GUARD, '    jwt: true\n', 'routes[1].jwt', /unknown key/],
    [GUARD, '    auth: {jwt: {required_scope: [a]}}\n', 'routes[1].auth.jwt.required_scope', /"required_scopes"/],
    [GUARD, '    auth: {jwt: true, required_scopes: [a]}\n', 'routes[1].auth.required_scopes', /unknown key/],
    ['middleware:\n', 'middlewares:\n', 'middlewares', /"middleware"/],
    ['middleware:\n  auth:\n', 'middleware:\n  auht:\n', 'middleware.auht', /"auth"/],
    ['routes:\n', 'Routes:\n', 'Routes', /"routes"/],
    ['      audience: api\n', '      audiance: api\n', 'middleware.auth.jwt.audiance', /"audience"/],
    ['      enabled: true\n', '      enable: true\n', 'middleware.auth.jwt.enable', /"enabled"/],
    ['    name: main\n', '    nane: main\n', 'listeners[0].nane', /"name"/],
  ])('%j as %j is refused, with its place', (from, to, path, message) => {
    const text = from === '    name: main\n' ? whole(['- name: main', '- nane: main']) : whole([from, to]);
    expectRefused(text, { code: 'unknown_key', path, message });
    const { code, output } = checked(text);
    expect(code).toBe(EXIT.file);
    expect(output).toContain(path);
  });

  test.each([
    ['at the indent of the file', 'jwt:\n  issuer: https://a.example\n', 'jwt'],
    ['at the indent of middleware', 'middleware:\n  jwt: {issuer: "https://a.example"}\n', 'middleware.jwt'],
  ])('a method block %s is refused', (_where, block, path) => {
    const text = path === 'jwt' ? WHOLE + block : whole(['middleware:\n', block]);
    expectRefused(text, { code: 'unknown_key', path });
  });

  test('twin: the correct file loads, in any order and style', () => {
    expectLoads(WHOLE);
    expect(checked(WHOLE).code).toBe(EXIT.fine);
    expectLoads(whole([GUARD, '    "auth": {"jwt" : true}\n']));
    expectLoads(whole([GUARD, '    ? auth\n    : jwt: true\n']));
  });
});

describe('CFG-02 values of another type', () => {
  const VALUES = [
    'ture',
    '"true"',
    'on',
    'yes',
    'y',
    'TRUE!',
    '1',
    '0',
    'null',
    '~',
    '',
    '[]',
    '{}',
    '[true]',
    '0x1',
    '.nan',
  ];

  test.each(VALUES)('require: %s is refused', (value) => {
    expectRefused(whole([REQUIRE, `      require: ${value}\n`]), { path: 'routes[2].auth.require' });
  });

  test.each(VALUES)('jwt: %s on a route is refused', (value) => {
    const code = value === '{}' ? {} : { path: 'routes[1].auth.jwt' };
    expectRefused(whole([GUARD, `    auth:\n      jwt: ${value}\n`]), code);
  });

  test.each(VALUES)('enabled: %s is refused', (value) => {
    expectRefused(whole(['      enabled: true\n', `      enabled: ${value}\n`]), {
      path: 'middleware.auth.jwt.enabled',
    });
  });

  test.each([
    ...VALUES,
    'true',
    'false',
    '"false"',
    'None',
    'NONE',
    '"none "',
    'off',
    'open',
    'public',
    '[none]',
    '{none: true}',
  ])('auth: %s is refused', (value) => {
    const found = errors(whole([GUARD, `    auth: ${value}\n`]));
    expect(found.map(({ path }) => path.replace(/^(routes\[1\]\.auth).*/, '$1'))).toContain('routes[1].auth');
  });

  test.each(['true', 'True', 'TRUE'])('twin: %s is the boolean of YAML 1.2', (value) => {
    expectLoads(whole([REQUIRE, `      require: ${value}\n`]));
  });

  test('twin: auth: none opens a route', () => {
    expectLoads(whole([GUARD, '    auth: none\n']));
  });
});

describe('CFG-23 names of prototypes', () => {
  const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', 'valueOf', '__defineGetter__'];

  test.each(NAMES)('%s is not a key of any mapping', (name) => {
    for (const [from, to] of [
      [GUARD, `    auth: {${name}: true}\n`],
      [GUARD, `    auth: {methods: [jwt], narrow: {${name}: {}}}\n`],
      [GUARD, `    auth: {methods: [${name}]}\n`],
      [GUARD, `    ${name}: {auth: {jwt: true}}\n`],
      ['middleware:\n', `${name}: {}\nmiddleware:\n`],
      ['  auth:\n    jwt:\n', `  auth:\n    ${name}: {}\n    jwt:\n`],
      ['      enabled: true\n', `      ${name}: {enabled: true}\n`],
    ] as const) {
      expectRefused(whole([from, to]));
    }
    expect(({} as Record<string, unknown>)['enabled']).toBeUndefined();
  });

  test('twin: they are ordinary names at run time', async () => {
    const keys = NAMES.map((name) => `{ key: k-of-${name}, name: "${name}" }`).join(', ');
    const routes = NAMES.map(
      (name) =>
        `\n  - { id: "${name}", path: /at/${name}, upstream: "${name}", auth: { api_key: { names: ["${name}"] } } }`,
    );
    const ground = await openGround({
      replaceAuth: true,
      auth: `    api_key: { keys: [${keys}], claims_to_headers: { name: X-Key-Name } }`,
      replaceRoutes: true,
      routes: routes.join(''),
      upstreams: NAMES.map((name) => `  - { name: "${name}", endpoints: ["127.0.0.1:UPSTREAM"] }`).join('\n'),
    });
    for (const [i, name] of NAMES.entries()) {
      const send = (key: string) => ground.send(`GET /at/${name} HTTP/1.1\r\nHost: gw\r\nX-API-Key: ${key}\r\n\r\n`);
      expect(statusOf(await send(`k-of-${NAMES[(i + 1) % NAMES.length]}`))).toBe(403);
      expect(statusOf(await send(name))).toBe(401);
      expect(ground.arrived()).toEqual([]);
      expect(statusOf(await send(`k-of-${name}`))).toBe(200);
      const [arrived] = ground.arrived();
      expect(arrived?.fields.filter(([field]) => /^x-key-name$/i.test(field)).map(([, value]) => value)).toEqual([
        name,
      ]);
    }
  });
  afterAll(closeGrounds);
});
