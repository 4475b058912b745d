/** Key lists that would admit more callers, or others, than the author intended. None of them loads. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Diagnostic } from '../../../src/config/diagnostics.js';
import { errorsOf, warningsOf } from '../../config/files.js';

const block = (body: string): string =>
  `middleware: { auth: { api_key: ${body} } }\nroutes: [{ id: a, path: /a, auth: { api_key: true } }]\n`;
const keys = (...list: readonly string[]): string => block(`{ keys: [${list.join(', ')}] }`);
/** In block style, where a plain scalar may contain anything. */
const keyed = (scalar: string): string => `
middleware:
  auth:
    api_key:
      keys:
        - name: alice
          key: ${scalar}
routes: [{ id: a, path: /a, auth: { api_key: true } }]
`;

const said = (text: string, env: Record<string, string> = {}): readonly string[] =>
  errorsOf(text, { env }).map(({ path, message }) => `${path}: ${message}`);

const GOOD = 'sk_live_0123456789';
const KEY = 'middleware.auth.api_key.keys[0].key';

describe('KEY-01 no key is empty', () => {
  test.each(['""', "''", 'null', '', '" "', '${UNSET}', '${EMPTY}', '"${UNSET}"', '"${UNSET:-}"'])(
    'key: %s does not load',
    (scalar) => {
      const [first = '', ...more] = said(keyed(scalar), { EMPTY: '' });
      expect(first).toMatch(/^middleware\.auth\.api_key\.keys\[0\](?:\.key)?: /);
      expect(more).toEqual([]);
    },
  );

  test.each([
    ['{ name: alice }', /exactly one of "key" and "key_hash"/],
    [`{ key: ${GOOD}, key_hash: "sha256:${'0'.repeat(64)}" }`, /exactly one of "key" and "key_hash"/],
    ['{ key_hash: "" }', /must be "sha256:" and 64 hex digits/],
    ['{}', /exactly one of "key" and "key_hash"/],
    ['null', /keys\[0\]/],
    ['""', /keys\[0\]/],
  ])('an entry %s does not load', (entry, message) => {
    expect(said(keys(entry))).toEqual([expect.stringMatching(message)]);
  });

  test('twin: a key from the environment loads', () => {
    expect(said(keyed('${LOOM_KEY}'), { LOOM_KEY: GOOD })).toEqual([]);
  });
});

/** Values that YAML 1.1 or 1.2 does not read as a string. */
const NO_TEXTS =
  `012345 0 42 -1 +1 1e5 1E5 12e34567 0x1F4 0o17 0b101 1_000 12345678901234567890 1.10 .5 1. .inf -.INF .nan
  yes no on off y n Yes NO true false True null ~ Null 2024-01-01 2024-01-01T00:00:00Z 1:30 190:20:30 [a] {a:1} =`
    .split(/\s+/)
    .filter((scalar) => scalar !== '');

describe('KEY-02 a key is a string, and never a converted YAML value', () => {
  test.each(NO_TEXTS)('key: %s does not load', (scalar) => {
    const errors = errorsOf(keyed(scalar));
    expect(errors.at(-1)?.path).toMatch(/^middleware\.auth\.api_key\.keys\[0\]/);
    expect(errors.slice(0, -1).map(({ message }) => message)).toEqual(
      scalar.length > 16 && /^\d+$/.test(scalar) ? [expect.stringContaining('number')] : [],
    );
  });

  test.each([['!!str 42'], ['!!int "42"'], ['!secret abc'], ['!!binary c2s=']])(
    'key: %s, a string only by a tag, does not load',
    (scalar) => {
      expect(said(keyed(scalar))).not.toEqual([]);
    },
  );

  test.each(NO_TEXTS.filter((scalar) => /^[\x21-\x2b\x2d-\x7e]+$/.test(scalar)))(
    'twin: key: "%s", in quotes, loads',
    (scalar) => {
      expect(said(keyed(JSON.stringify(scalar)))).toEqual([]);
    },
  );
});

const NO_KEY = `${KEY}: must be visible ASCII without spaces and commas`;

describe('KEY-03 a key that headers would join, cut or decode does not load', () => {
  test.each(['a, b', 'a,b', 'a b', 'a\tb', 'a\nb', 'a\u0000b', 'schl\u00fcssel', '\u65e5\u672c', 'a\u00a0b'])(
    'key %j',
    (key) => {
      expect(said(keyed(JSON.stringify(key)))).toEqual([NO_KEY]);
    },
  );

  test('a key with a raw control character', () => {
    expect(said(keyed('"a\u007fb"'))).toEqual([': a control character is not allowed here']);
    expect(said(keyed('"a\\x7fb"'))).toEqual([NO_KEY]);
  });

  test.each(["!#$%&'*+-.^_`|~", 'YWJj/ZGVm+ZGVm==', 'a;b=c:d"e\\f(g)<h>@[i]?{j}'])('twin: key %j loads', (key) => {
    expect(said(keyed(JSON.stringify(key)))).toEqual([]);
  });
});

describe('KEY-05 white space around a key does not load', () => {
  test.each([' ', '\t', '\n', '\r', '\u00a0', '\u200b'])('%j', (space) => {
    for (const key of [`${space}${GOOD}`, `${GOOD}${space}`]) {
      expect(said(keyed(JSON.stringify(key)))).toEqual([NO_KEY]);
      const control = `${KEY}: the variable LOOM_KEY holds a line break or control character`;
      expect(said(keyed('"${LOOM_KEY}"'), { LOOM_KEY: key })).toEqual([/\p{Cc}/u.test(space) ? control : NO_KEY]);
    }
  });

  const folder = mkdtempSync(join(tmpdir(), 'loom-key-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const fromFile = (content: string): readonly string[] => {
    writeFileSync(join(folder, 'key'), content);
    return said(keyed(`"\${file:${join(folder, 'key')}}"`));
  };

  test.each(['', '\n', `${GOOD}\n\n`, `${GOOD}\r\n\r\n`, ` ${GOOD}\n`, `${GOOD} \n`])(
    'a file that contains %j',
    (content) => {
      expect(fromFile(content)).not.toEqual([]);
    },
  );

  test.each([GOOD, `${GOOD}\n`, `${GOOD}\r\n`])('twin: a file that contains %j loads', (content) => {
    expect(fromFile(content)).toEqual([]);
  });
});

describe('KEY-08 one key never has two entries', () => {
  const hash = 'sha256:0c4cfe1d4e1ec2ab5d2b2a7d5e1cb3b8ca2a1cbbd8e6c40e4e2f3c7a1e6a1c55';
  const same = (path: string): Partial<Diagnostic> => ({ path });

  test.each([
    ['two names', `{ key: ${GOOD}, name: alice, rate_limit: 1 }`, `{ key: ${GOOD}, name: bob, rate_limit: 1000 }`],
    ['quoted and plain', `{ key: ${GOOD}, name: alice }`, `{ key: "${GOOD}", name: bob }`],
    ['escaped', `{ key: ${GOOD}, name: alice }`, `{ key: "sk\\u005flive_0123456789", name: bob }`],
    ['from the environment', `{ key: ${GOOD}, name: alice }`, '{ key: "${LOOM_KEY}", name: bob }'],
    [
      'a digest in another case',
      `{ key_hash: "${hash}", name: alice }`,
      `{ key_hash: "${hash.toUpperCase().replace('SHA256', 'sha256')}", name: bob }`,
    ],
  ])('%s: an error that names both', (_what, ...list) => {
    const errors = errorsOf(keys(...list), { env: { LOOM_KEY: GOOD } });
    expect(errors).toMatchObject([same('middleware.auth.api_key.keys[1]')]);
    expect(errors[0]?.message).toMatch(/bob.*alice/);
    expect(errors[0]?.message).not.toContain(GOOD);
  });

  test('a key and its own digest, and a name twice', () => {
    const digest = createHash('sha256').update(GOOD).digest('hex');
    expect(said(keys(`{ key: ${GOOD}, name: alice }`, `{ key_hash: "sha256:${digest}", name: bob }`))).toHaveLength(1);
    expect(said(keys(`{ key: ${GOOD}, name: alice }`, '{ key: other, name: alice, rate_limit: 5 }'))).toHaveLength(1);
    // The default name of a key without a name.
    expect(said(keys(`{ key: ${GOOD} }`, `{ key: other, name: "key-${digest.slice(0, 12)}" }`))).toHaveLength(1);
  });

  test('twin: keys with a common prefix load', () => {
    expect(
      said(
        keys(`{ key: ${GOOD}, name: alice }`, `{ key: ${GOOD}0, name: bob }`, `{ key: ${GOOD.slice(1)}, name: eve }`),
      ),
    ).toEqual([]);
  });
});

describe('KEY-13 empty lists and empty places', () => {
  test.each([
    ['{ enabled: true, keys: [] }', 'middleware.auth.api_key.keys'],
    ['{ keys: null }', 'middleware.auth.api_key.keys'],
    ['{ keys: {} }', 'middleware.auth.api_key.keys'],
    [`{ keys: ${GOOD} }`, 'middleware.auth.api_key.keys'],
    [`{ keys: [${GOOD}] }`, 'middleware.auth.api_key.keys[0]'],
    [`{ header: "", keys: [{ key: ${GOOD} }] }`, 'middleware.auth.api_key.header'],
    [`{ header: null, keys: [{ key: ${GOOD} }] }`, 'middleware.auth.api_key.header'],
    [`{ query_param: "", keys: [{ key: ${GOOD} }] }`, 'middleware.auth.api_key.query_param'],
    [`{ query_param: null, keys: [{ key: ${GOOD} }] }`, 'middleware.auth.api_key.query_param'],
  ])('%s does not load', (body, path) => {
    expect(errorsOf(block(body))).toMatchObject([{ path }]);
  });

  test.each(
    `Host Connection Content-Length content-length content_length Content_Length Transfer-Encoding transfer.encoding TE Trailer Upgrade Keep-Alive
     Expect Cookie Content-Type Via Sec-WebSocket-Key Sec-WebSocket-Protocol`.split(/\s+/),
  )('header: %s does not load', (header) => {
    const errors = errorsOf(block(`{ header: ${header}, keys: [{ key: ${GOOD} }] }`));
    expect(errors).toMatchObject([{ path: 'middleware.auth.api_key.header' }]);
  });

  test('twin: a block without keys loads with a warning, one with another header without a warning', () => {
    for (const body of ['{}', '{ enabled: true }', '{ query_param: api_key }']) {
      expect(errorsOf(block(body))).toEqual([]);
      expect(warningsOf(block(body)).map(({ message }) => message)).toContain('no keys: every request is rejected');
    }
    expect(warningsOf(block(`{ header: X-Token, keys: [{ key: ${GOOD}, name: a }] }`))).toEqual([]);
    expect(errorsOf(block(`{ header: Authorization, keys: [{ key: ${GOOD}, name: a }] }`))).toEqual([]);
  });
});
