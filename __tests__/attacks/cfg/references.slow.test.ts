/** Values from elsewhere: variables and files that are missing, empty, or contain more than a value. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT } from '../../../src/cli/exit-codes.js';
import { compileFile } from '../../../src/config/index.js';
import { closeGrounds, get, openGround } from '../../support/attack-ground.js';
import { statusOf } from '../../support/ask.js';
import { compile } from '../../config/files.js';
import { checkedAt, errors, expectLoads, expectRefused, HASH, whole } from './files.js';

const KEY = 'key: k-1234567890abcdef';
const SECRET = 'client_secret: s-1234567890';

describe('CFG-07 variables', () => {
  test.each([
    ['not set', '${K}', {}, /variable K is not set/],
    ['set and empty', '${K}', { K: '' }, /variable K is not set/],
    ['with an empty default', '${K:-}', {}, /no default/],
    ['with a default', '${K:-k-00000000}', {}, /no default/],
    ['with a default, and set', '${K:-k-00000000}', { K: 'k-1' }, /no default/],
    ['within another', '${${K}}', { K: 'K' }, /must be/],
    ['with a default within', '${K:-${L}}', { L: 'k-00000000' }, /must be/],
    ['without an end', '${K', { K: 'k-00000000' }, /must be/],
    ['without a name', '${}', {}, /must be/],
    ['with a space', '${ K }', { K: 'k-00000000' }, /must be/],
    ['with shell words', '${K:?unset}', { K: 'k-00000000' }, /must be/],
    ['that cuts', '${K#k}', { K: 'k-00000000' }, /must be/],
    ['of a prototype', '${constructor}', {}, /not set/],
    ['of white space', '${K}', { K: '   ' }, /without spaces|blank/],
    ['with a space before it', '${K}', { K: ' k-00000000' }, /without spaces/],
    ['with a line break', '${K}', { K: 'k-1\n          name: root' }, /line break/],
    ['with CR', '${K}', { K: 'k-1\r' }, /line break/],
    ['with NUL', '${K}', { K: 'k-1\0' }, /control character/],
    ['with a byte order mark', '${K}', { K: '\ufeffk-00000000' }, /control character/],
  ] as const)('a key by a variable %s: refused', (_how, reference, env, message) => {
    expectRefused(whole([KEY, `key: "${reference}"`]), { path: 'middleware.auth.api_key.keys[0].key', message }, env);
  });

  test.each([
    ['unset', {}, /not set/],
    ['empty', { S: '' }, /not set/],
    ['blank', { S: ' \t ' }, /blank|control/],
    ['blank without tabs', { S: '   ' }, /blank/],
  ])('a client_secret by a variable that is %s: refused', (_how, env, message) => {
    const path = 'middleware.auth.oauth.client_secret';
    expectRefused(whole([SECRET, 'client_secret: "${S}"']), { path, message }, env);
  });

  test('the content of a variable never becomes YAML, a key or a reference, and opens no route', () => {
    const hostile = [
      '"}], require: false #',
      ', auth: none}',
      'false',
      'none',
      '{none: true}',
      '[none]',
      '*a',
      '!!null',
      '${HOME}',
      'none\u0020',
    ];
    for (const value of hostile) {
      const env = { V: value };
      expect(errors(whole(['      jwt: true\n', '      jwt: "${V}"\n']), env)).not.toEqual([]);
      expect(errors(whole(['    auth:\n      jwt: true\n', '    auth: "${V}"\n']), env)).not.toEqual([]);
      expect(errors(whole(['require: true', 'require: "${V}"']), env)).not.toEqual([]);
      expect(errors(whole(['      jwt: true\n', '      "${V}": true\n']), env)).not.toEqual([]);
      if (value !== value.trim()) continue;
      const { plan } = compile(whole(['    basic:\n', '    basic:\n      realm: "${V}"\n']), { env });
      expect(plan.methods.find(({ name }) => name === 'basic')?.options).toMatchObject({ realm: value });
    }
  });

  test('a part of a value from a variable opens no route', () => {
    for (const auth of ['"${V}e"', '"n${V}"', '{methods: [jwt], require: "f${V}"}', '{require: "${V}"}'])
      for (const V of ['non', 'one', 'alse', 'false'])
        expect(errors(whole(['    auth:\n      jwt: true\n', `    auth: ${auth}\n`]), { V })).not.toEqual([]);
  });

  test('twin: a variable may spell the boolean that guards a route', () => {
    for (const [from, to] of [
      ['      jwt: true\n', '      jwt: "${V}"\n'],
      ['require: true', 'require: "${V}"'],
    ] as const) {
      const { plan } = compile(whole([from, to]), { env: { V: 'true' } });
      expect(plan.routes).toEqual(compile(whole()).plan.routes);
    }
  });

  test('credentials accept no default', () => {
    for (const auth of ['"${A:-none}"', '{"jwt": "${A:-true}"}', '{methods: ["${A:-jwt}"]}'])
      expectRefused(whole(['    auth:\n      jwt: true\n', `    auth: ${auth}\n`]), { code: 'access_default' });
  });

  test('twin: a variable that is set, a literal hash, $X, $$ and a default elsewhere are accepted', () => {
    expectLoads(whole([KEY, 'key: "${K}"']), { K: 'k-of-the-environment' });
    expectLoads(whole(['audience: api', 'audience: "${A:-api}"']));
    const text = whole([KEY, 'key: "$X-$Y$$Z"'], ['audience: api', 'audience: "$${A}-${A}"']);
    const { plan } = compile(text, { env: { A: '{"a": &b} # ${c}', X: 'no', Y: 'no', Z: 'no' } });
    const optionsOf = (name: string) => plan.methods.find((method) => method.name === name)?.options;
    expect(optionsOf('api_key')).toMatchObject({ keys: [{ key: '$X-$Y$$Z' }] });
    expect(optionsOf('jwt')).toMatchObject({ audience: ['${A}-{"a": &b} # ${c}'] });
    expect(optionsOf('basic')).toMatchObject({ users: [{ password_hash: HASH }] });
  });
});

describe('CFG-08 files of secrets', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'loom-cfg-'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  const write = (name: string, text: string | Buffer, mode = 0o600): void => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), mode);
  };
  const load = (name: string) => {
    const text = whole([KEY, `key: "\${file:${name}}"`]);
    return compileFile({ text, file: join(folder, 'loom.yaml') }, { mode: 'middleware', env: {} });
  };
  const keyOf = ({ plan }: ReturnType<typeof load>) =>
    (plan.methods.find(({ name }) => name === 'api_key')?.options as { keys: readonly { key: string }[] }).keys[0]?.key;

  test.each([
    ['missing', undefined, /no such file/],
    ['empty', '', /is empty/],
    ['a line break', '\n', /is empty/],
    ['CRLF alone', '\r\n', /is empty/],
    ['white space', '   ', /without spaces/],
    ['with two line breaks', 'k-00000000\n\n', /line break/],
    ['with a line before', '\nk-00000000', /line break/],
    ['with two lines', 'k-00000000\nk-11111111\n', /line break/],
    ['with only a CR', 'k-00000000\r', /line break/],
    ['with a space after it', 'k-00000000 \n', /without spaces/],
    ['with a byte order mark', '\ufeffk-00000000', /control character/],
    ['in UTF-16', Buffer.from('k-00000000', 'utf16le'), /control character/],
    ['in Latin-1', Buffer.from('k-\xe9000', 'latin1'), /UTF-8/],
    ['too large', 'k'.repeat(1_100_000), /larger than/],
  ])('a file that is %s: refused', (what, text, message) => {
    const name = what.replaceAll(' ', '-');
    if (text !== undefined) write(name, text);
    expect(() => load(name)).toThrow(message);
  });

  test('a folder, a device, no name, an invalid path: refused', () => {
    mkdirSync(join(folder, 'sub'));
    symlinkSync('/nowhere', join(folder, 'dangling'));
    for (const name of ['sub', '/dev/zero', '/dev/null', '', ' ', '../../../../nowhere', 'dangling'])
      expect(() => load(name)).toThrow(/PATH|no such file|directory|device|empty|no name/);
  });

  test('a file that all users may read: a warning, which --strict refuses', () => {
    write('open', 'k-00000000\n', 0o644);
    expect(load('open').warnings.map(({ code }) => code)).toContain('world_readable');
  });

  test('twin: exactly one line break is removed, LF or CRLF, and a file of the owner alone is no warning', () => {
    write('lf', 'k-00000000\n');
    write('crlf', 'k-11111111\r\n');
    write('none', 'k-22222222');
    symlinkSync('lf', join(folder, 'link'));
    expect(['lf', 'crlf', 'none', 'link'].map((name) => keyOf(load(name)))).toEqual([
      ...['k-00000000', 'k-11111111', 'k-22222222', 'k-00000000'],
    ]);
    expect(load('lf').warnings.map(({ code }) => code)).not.toContain('world_readable');
  });
});

describe('CFG-21 a missing secret', () => {
  test.each([
    ['of one method of a route that has others', [KEY, 'key: "${GONE}"']],
    ['in a file', [KEY, 'key: "${file:/nowhere/key}"']],
    ['of introspection', [SECRET, 'client_secret: "${file:/nowhere/secret}"']],
    ['of a user', [`password_hash: ${HASH}`, 'password_hash: "${GONE}"']],
    ['a key file', ['jwks_url: https://id.example/jwks.json', 'public_key_file: /nowhere/key.pem']],
  ] as const)('%s: nothing starts, with or without that method', (_what, change) => {
    expectRefused(whole(change));
  });

  test('a key set or introspection that cannot be reached: 503 with a token, and no request passes', async () => {
    const ground = await openGround({
      replaceAuth: true,
      auth: '    jwt: { issuer: "ISSUER", audience: api.example.com, jwks_url: "http://127.0.0.1:9/jwks" }\n    oauth: { introspection_url: "http://127.0.0.1:9/introspect", client_id: a, client_secret: b-1234567 }',
      replaceRoutes: true,
      routes:
        '\n  - { id: jwt, path: /jwt/*, upstream: backend, auth: { jwt: true } }\n  - { id: any, path: /any/*, upstream: backend, auth: { methods: [jwt, oauth] } }\n  - { id: optional, path: /optional/*, upstream: backend, auth: { jwt: true, require: false } }\n  - { id: open, path: /open/*, upstream: backend, auth: none }',
    });
    const token = await ground.issuer.token({ aud: 'api.example.com' });
    for (const path of ['/jwt/x', '/any/x', '/optional/x'])
      expect(statusOf(await ground.send(get(path, `Authorization: Bearer ${token}`)))).toBe(503);
    expect(statusOf(await ground.send(get('/any/x', 'Authorization: Bearer opaque-token')))).toBe(503);
    for (const path of ['/jwt/x', '/any/x']) expect(statusOf(await ground.send(get(path)))).toBe(401);
    expect(ground.arrived()).toEqual([]);
    expect(statusOf(await ground.send(get('/open/x')))).toBe(200);
    await closeGrounds();
  });

  test('twin: with every secret the same file loads', () => {
    expectLoads(whole([KEY, 'key: "${K}"'], [SECRET, 'client_secret: "${S}"']), { K: 'k-00000000', S: 's-00000000' });
    expect(checkedAt('/nowhere/loom.yaml').code).toBe(EXIT.file);
  });
});
