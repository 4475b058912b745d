/** YAML that readers read in more than one way, or cannot read without running out of a resource. */
import { truncateSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT } from '../../../src/cli/exit-codes.js';
import { checked, checkedAt, expectLoads, expectRefused, whole, WHOLE } from './files.js';

const GUARD = '    auth:\n      jwt: true\n';
const ROUTE = `  - id: internal\n    path: /internal/*\n    upstream: backend\n${GUARD}`;

describe('CFG-03 merge keys', () => {
  test.each([
    ['in the route', GUARD, '    <<: {auth: {jwt: true}}\n'],
    ['of a list of mappings', GUARD, '    <<: [{auth: {jwt: true}}]\n'],
    ['in quotes', GUARD, '    "<<": {auth: {jwt: true}}\n'],
    ['with a tag', GUARD, '    !!merge <<: {auth: {jwt: true}}\n'],
    ['in the auth block', GUARD, '    auth:\n      <<: {jwt: true}\n'],
    ['at the top of the file', 'middleware:\n', '<<: {trusted_proxies: [10.0.0.0/8]}\nmiddleware:\n'],
    ['of nothing', GUARD, '    <<:\n'],
  ])('%s are refused', (_where, from, to) => {
    expectRefused(whole([from, to]));
  });

  test('that replace a guarded route by an alias are refused', () => {
    const anchored = whole(
      ['    auth:\n      jwt: true\n', '    auth: &guard\n      jwt: true\n'],
      ['  - id: api\n', '  - <<: {auth: *guard}\n    id: api\n'],
    );
    expectRefused(anchored, { code: 'merge_key' });
    const route = whole(['  - id: internal\n', '  - &guarded\n    id: internal\n']);
    expectRefused(route.replace('upstreams:', '  - {<<: *guarded, path: /more/*}\nupstreams:'), { code: 'merge_key' });
  });

  test('twin: a whole block may have an anchor and be used again', () => {
    const anchored = whole(
      [GUARD, '    auth: &guard\n      jwt: true\n'],
      ['    auth: none\n', '    auth: {jwt: true}\n'],
    );
    expectLoads(
      anchored.replace('upstreams:', '  - {id: more, path: /more/*, upstream: backend, auth: *guard}\nupstreams:'),
    );
  });
});

describe('CFG-04 a duplicate key', () => {
  test.each([
    [GUARD, `${GUARD}    auth: {}\n`],
    [GUARD, `${GUARD}    auth: none\n`],
    [GUARD, `    auth: none\n${GUARD}`],
    [GUARD, `${GUARD}    "auth": none\n`],
    [GUARD, `${GUARD}    'auth': none\n`],
    [GUARD, `${GUARD}    !!str auth: none\n`],
    [GUARD, `${GUARD}    &again auth: none\n`],
    [GUARD, `${GUARD}    ? auth\n    : none\n`],
    [GUARD, `${GUARD}    "\\x61uth": none\n`],
    [GUARD, `${GUARD}    ? >-\n      auth\n    : none\n`],
    [GUARD, '    auth: {jwt: true, jwt: true}\n'],
    ['      enabled: true\n', '      enabled: true\n      enabled: true\n'],
    ['upstreams:\n', 'routes:\n  - {path: /internal/*, upstream: backend, auth: none}\nupstreams:\n'],
    ['upstreams:\n', 'middleware: {auth: {jwt: {enabled: false}}}\nupstreams:\n'],
  ])('%j as %j is refused', (from, to) => {
    expectRefused(whole([from, to]), { code: 'duplicate_key' });
  });

  test('in JSON it is refused as well', () => {
    const json = '{"routes": [{"path": "/a", "auth": {"jwt": true}, "auth": "none"}]}';
    expectRefused(json, { code: 'duplicate_key' });
  });

  test('twin: the same key in two mappings is not a duplicate', () => {
    expectLoads(whole([ROUTE, ROUTE + ROUTE.replace('id: internal', 'id: more').replace('/internal/*', '/more/*')]));
  });
});

describe('CFG-05 documents that pollute or exhaust their reader', () => {
  const N = 50_000;
  const levels = (one: (i: number) => string): string => Array.from({ length: 30 }, (_, i) => one(i)).join('');
  const cases: Readonly<Record<string, string>> = {
    '__proto__ merged': `${WHOLE}cache: {<<: {__proto__: {polluted: 1}}}\n`,
    '__proto__ by an alias': `${WHOLE}cache: {a: &a {polluted: 1}, __proto__: *a}\n`,
    '__proto__ escaped': `${WHOLE}cache: {"__prot\\x6f__": {polluted: 1}}\n`,
    'an alias that holds itself': `${WHOLE}cache: &a {b: [*a]}\n`,
    'aliases in a circle': `${WHOLE}cache: {a: &a {b: &b {c: *a}}, d: *b}\n`,
    'an alias to nothing': `${WHOLE}cache: *nothing\n`,
    'aliases that double': `${WHOLE}cache:\n  a: &a0 [x, x]\n${levels((i) => `  b${i}: &a${i + 1} [*a${i}, *a${i}]\n`)}`,
    'merges of merges': `${WHOLE}cache:\n  a: &a0 {x: 1}\n${levels((i) => `  b${i}: &a${i + 1} {<<: [*a${i}, *a${i}]}\n`)}`,
    'brackets in brackets': `${WHOLE}cache: ${'['.repeat(N)}\n`,
    'braces in braces': `${WHOLE}cache: ${'{a: '.repeat(N)}\n`,
    'lists in lists': `${WHOLE}cache:\n  ${'- '.repeat(N)}\n`,
    'keys of keys': `${WHOLE}cache:\n  ${'? '.repeat(N)}\n`,
    'sixty-five levels': `${WHOLE}cache: ${'['.repeat(70)}${']'.repeat(70)}\n`,
    'anchors on anchors': `${WHOLE}cache: ${'&a '.repeat(N)}x\n`,
    'many documents': `${WHOLE}${'---\n'.repeat(N)}`,
    'an endless number': `${WHOLE}cache: ${'9'.repeat(8 * N)}\n`,
    'many bad references': `${WHOLE}cache: "${'${'.repeat(N)}"\n`,
    'one key many times': `${WHOLE}cache: {${'a: 1, '.repeat(N / 10)}}\n`,
  };

  test.each(Object.keys(cases))('%s: refused, at a bounded cost', (name) => {
    const text = cases[name] as string;
    const before = process.cpuUsage();
    expect(checked(text).code).toBe(EXIT.file);
    const { user, system } = process.cpuUsage(before);
    // Under a second each on a quiet machine. This detects a cost that grows faster than the file.
    expect((user + system) / 1_000).toBeLessThan(10_000);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('twin: a large file of honest routes, aliases and levels loads', () => {
    const routes = Array.from({ length: 500 }, (_, i) => `  - {path: /more${i}/*, upstream: backend, auth: *guard}\n`);
    expectLoads(
      whole([GUARD, '    auth: &guard\n      jwt: true\n'], ['upstreams:\n', `${routes.join('')}upstreams:\n`]),
    );
  });
});

describe('CFG-06 files that are not one YAML document', () => {
  test.each([
    ['nothing', '', 'empty'],
    ['a line break', '\n', 'empty'],
    ['comments alone', '# routes:\n#   - path: /\n', 'empty'],
    ['a byte order mark alone', '\ufeff', 'empty'],
    ['a marker alone', '---\n', 'wrong_type'],
    ['null', 'null\n', 'wrong_type'],
    ['an empty mapping', '{}\n', undefined],
    ['a list', '[]\n', 'wrong_type'],
    ['two documents', `${WHOLE}---\n${WHOLE}`, 'several_documents'],
    [
      'a second, open document',
      `${WHOLE}---\nroutes: [{path: /*, auth: none, upstream: backend}]\n`,
      'several_documents',
    ],
    ['a document after the end', `${WHOLE}...\n---\nroutes: []\n`, 'several_documents'],
    ['tabs', WHOLE.replaceAll('  ', '\t'), undefined],
    ['a tag of JavaScript', `${WHOLE}cache: !!js/function "() => 1"\n`, 'tag_resolve_failed'],
    ['a tag of Python', `${WHOLE}cache: !!python/object/apply:os.system ["id"]\n`, 'tag_resolve_failed'],
    ['bytes', `${WHOLE}cache: !!binary aGk=\n`, 'tag_resolve_failed'],
    ['a set', `${WHOLE}cache: !!set {a}\n`, undefined],
    ['a custom tag', `${WHOLE}cache: !secret x\n`, 'tag_resolve_failed'],
    ['YAML 1.1', `%YAML 1.1\n---\n${WHOLE}`, 'yaml_1_1'],
    ['TOML', '[[routes]]\npath = "/*"\nauth = "none"\n', undefined],
    ['INI', 'routes=/\nauth=none\n', 'wrong_type'],
    ['half a line', WHOLE.slice(0, WHOLE.indexOf('methods: [jwt') + 14), undefined],
    ['NULs', WHOLE.split('').join('\0'), 'not_text'],
    ['a lone CR', WHOLE.replace('none\n', 'none\r'), 'hidden_character'],
    ['a line separator', WHOLE.replace('auth: none', '# \u2028    auth: none'), 'hidden_character'],
    ['right-to-left characters', WHOLE.replace('/internal/*', '/\u202einternal/*'), 'hidden_character'],
    ['an escape code', WHOLE.replace('/internal/*', '/\u001b[2Kinternal/*'), 'hidden_character'],
  ])('%s: refused', (_what, text, code) => {
    expectRefused(text, code === undefined ? {} : { code });
  });

  test.each([
    ['UTF-16 little-endian', Buffer.from(`\ufeff${WHOLE}`, 'utf16le')],
    ['UTF-16 big-endian', Buffer.from(`\ufeff${WHOLE}`, 'utf16le').swap16()],
    ['Latin-1', Buffer.from(`# gesch\xfctzt\n${WHOLE}`, 'latin1')],
    ['overlong UTF-8', Buffer.concat([Buffer.from(`${WHOLE}cache: "`), Buffer.from([0xc0, 0xaf]), Buffer.from('"\n')])],
    [
      'half a surrogate',
      Buffer.concat([Buffer.from(`${WHOLE}cache: "`), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"\n')]),
    ],
    ['random bytes', Buffer.from(Array.from({ length: 512 }, (_, i) => (i * 151) & 255))],
  ])('a file in %s: refused', (_what, bytes) => {
    expect(checked(bytes).code).toBe(EXIT.file);
  });

  test('100 MB, a folder, a device and a missing file: refused', () => {
    const folder = mkdtempSync(join(tmpdir(), 'loom-cfg-'));
    try {
      const large = join(folder, 'large.yaml');
      writeFileSync(large, WHOLE);
      truncateSync(large, 100_000_000);
      for (const file of [large, folder, '/dev/zero', '/dev/null', join(folder, 'nowhere.yaml')]) {
        expect(checkedAt(file).code).toBe(EXIT.file);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('twin: a byte order mark, CRLF, a marker, JSON and a %YAML 1.2 line are accepted', () => {
    expectLoads(`\ufeff${WHOLE}`);
    expectLoads(WHOLE.replaceAll('\n', '\r\n'));
    expectLoads(`---\n${WHOLE}...\n`);
    expectLoads(`%YAML 1.2\n---\n${WHOLE}`);
    expectLoads(
      '{"listeners": [{"address": ":80"}], "routes": [{"path": "/a", "auth": "none", "upstream": "u"}],\n\t"upstreams": [{"name": "u", "endpoints": ["u:80"]}]}',
    );
  });
});
