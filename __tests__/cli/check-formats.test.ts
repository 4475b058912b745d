/** `loom-auth check --format`: text, JSON and SARIF of the same findings, without any secret of the file. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { run } from '../../src/cli/program.js';
import { DIAGNOSTICS } from '../../src/config/diagnostic-codes.js';
import { ROOT } from '../docs/pages.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-check-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SECRETS = ['my-secret-api-key', 'sk_live_9f8e7d6c5b4a39281706', 'pw-7c6b5a49', 'hs-4d3c2b1a-0f9e8d7c'];
const FILE = `listeners: [{address: ":8080"}]
middleware:
  auth:
    api_key:
      keys:
        - {key: ${SECRETS[0]}, name: alice}
        - {key: ${SECRETS[1]}, name: bob, expires: "2020-01-01"}
    jwt: {secret: "${SECRETS[3]}", issuer: "https://id.example"} # loom-ignore: unused ${SECRETS[2]}
upstreams: [{name: backend, endpoints: ["127.0.0.1:9001"]}]
routes:
  - path: /public # loom-ignore: ${SECRETS[2]}
    upstream: backend
  - id: "caf\u00e9"
    path: /orders
    upstream: backend
    auth: {api_key: true}
admin: {address: "127.0.0.1:9090", auth: {type: basic, basic: {username: ops, password: "${SECRETS[2]}"}}}
`;
const WRONG = FILE.replace('upstream: backend', 'upstrem: backend').replace('name: alice', 'name: [alice]');

async function check(text: string, ...args: string[]) {
  const file = join(folder, 'loom.yaml');
  writeFileSync(file, text);
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const code = await run(['check', file, ...args], { stdin, stdout, stderr, env: {} });
  return { code, file, text: String(stdout.read() ?? ''), errors: String(stderr.read() ?? '') };
}

interface Told {
  readonly level: string;
  readonly code: string;
  readonly line: number;
  readonly column: number;
  readonly endLine?: number;
  readonly endColumn?: number;
  readonly cure: string;
  readonly help: string;
}
const jsonOf = async (text: string, ...args: string[]) => {
  const { code, text: printed } = await check(text, '--format', 'json', ...args);
  return { code, ...(JSON.parse(printed) as { ok: boolean; diagnostics: readonly Told[]; access: object | null }) };
};

test('the text has the rule of each finding, and the cure of each rule once', async () => {
  const { code, text, file } = await check(FILE);
  expect(code).toBe(0);
  expect(text).toContain(`warning ${file}:7:`);
  expect(text).toMatch(/keys\[1\]\.expires: the key expired on 2020-01-01 \[expired\]\n/);
  expect(text).toMatch(/^expired: Replace the key or file, or remove the entry\.$/m);
  expect(text).toMatch(/\n0 errors, \d warnings, 1 note\n$/);
});

test('JSON has a place with its end, the cure and the page of the rule', async () => {
  const { diagnostics, ok, access } = await jsonOf(FILE);
  expect({ ok, rows: access }).toMatchObject({ ok: true, rows: { rows: expect.any(Array) as object } });
  const found = diagnostics.find((each) => each.code === 'guessable_secret');
  expect(found).toMatchObject({ level: 'warning', line: 6, column: 17, endLine: 6, endColumn: 17 + 17 });
  for (const { code, cure, help } of diagnostics) {
    expect(cure).toBe(DIAGNOSTICS[code as keyof typeof DIAGNOSTICS].cure);
    expect(help).toMatch(new RegExp(`^https://unpkg\\.com/loom-auth@[^/]+/docs/reference/rules/${code}\\.md$`));
  }
  expect(await jsonOf(FILE, '--json')).toEqual(await jsonOf(FILE));
});

test('--strict makes errors of warnings and leaves notes; --max-warnings bounds them', async () => {
  const strict = await jsonOf(FILE, '--strict');
  expect(strict).toMatchObject({ code: 1, ok: false });
  expect(new Set(strict.diagnostics.map(({ level }) => level))).toEqual(new Set(['error', 'note']));
  const { diagnostics } = await jsonOf(FILE);
  const count = diagnostics.filter(({ level }) => level === 'warning').length;
  expect((await check(FILE, '--max-warnings', String(count))).code).toBe(0);
  expect((await check(FILE, '--max-warnings', String(count - 1))).code).toBe(1);
  expect((await check(FILE, '--max-warnings', 'many')).errors).toContain('must be a number');
  expect((await check(FILE, '--format', 'xml')).errors).toContain('text, json, sarif');
});

interface Sarif {
  readonly version: string;
  readonly runs: readonly {
    readonly tool: {
      readonly driver: { readonly rules: readonly { readonly id: string; readonly helpUri: string }[] };
    };
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly level: string;
      readonly message: { readonly text: string };
      readonly locations: readonly {
        readonly physicalLocation: {
          readonly artifactLocation: { readonly uri: string; readonly uriBaseId?: string };
          readonly region: Readonly<Record<string, number>>;
        };
      }[];
      readonly partialFingerprints: { readonly primaryLocationLineHash: string };
    }[];
  }[];
}

describe('SARIF', () => {
  const fixture = join(__dirname, '../fixtures/sarif-schema-2.1.0.json.gz');
  const schema = JSON.parse(gunzipSync(readFileSync(fixture)).toString()) as object;
  // The validator of eslint, which reads draft 4 of JSON Schema.
  const Ajv = createRequire(require.resolve('eslint'))('ajv') as new (options: object) => {
    addMetaSchema(meta: unknown): void;
    validate(schema: object, data: unknown): boolean;
    errors: unknown;
  };
  const meta = createRequire(require.resolve('eslint'))('ajv/lib/refs/json-schema-draft-04.json') as object;

  const sarif = async (text: string): Promise<Sarif> =>
    JSON.parse((await check(text, '--format', 'sarif')).text) as Sarif;
  const resultsOf = async (text: string) => (await sarif(text)).runs[0]?.results ?? [];

  test.each([
    ['a file that loads', FILE],
    ['a file that does not', WRONG],
    ['a file that is no YAML', 'routes: ['],
    ['an empty file', ''],
    [
      'a file without a finding',
      'middleware: {auth: {api_key: {keys: [{key: sk_live_9f8e7d6c5b4a, name: a}]}, chain: [api_key]}}',
    ],
  ])('of %s is valid by the schema of OASIS', async (_, text) => {
    const ajv = new Ajv({ schemaId: 'auto', meta: false, unknownFormats: 'ignore' });
    ajv.addMetaSchema(meta);
    ajv.validate(schema, await sarif(text));
    expect(ajv.errors).toBeNull();
    expect(ajv.validate(schema, { version: '2.1.0' })).toBe(false);
  });

  test('has the findings of the JSON document, each with its rule and region', async () => {
    const { runs } = await sarif(FILE);
    const { diagnostics } = await jsonOf(FILE);
    const rules = runs[0]?.tool.driver.rules ?? [];
    const results = runs[0]?.results ?? [];
    expect(results.map(({ ruleId, level }) => [ruleId, level])).toEqual(
      diagnostics.map((each) => [each.code, each.level]),
    );
    for (const [at, { ruleId, ruleIndex, locations }] of results.entries()) {
      expect(rules[ruleIndex]).toMatchObject({ id: ruleId, helpUri: diagnostics[at]?.help });
      const { region } = locations[0]?.physicalLocation ?? {};
      expect(region).toMatchObject({ startLine: diagnostics[at]?.line, startColumn: diagnostics[at]?.column });
    }
  });

  test('names a file outside of the folder by its URL, and one inside by a relative path', async () => {
    const { file } = await check(FILE);
    const uriOf = (all: Sarif) => all.runs[0]?.results[0]?.locations[0]?.physicalLocation.artifactLocation;
    expect(uriOf(await sarif(FILE))).toEqual({ uri: pathToFileURL(file).href });
    const stdout = new PassThrough();
    const example = join('examples', 'gateway', 'loom.yaml');
    const terminal = { stdin: new PassThrough(), stdout, stderr: new PassThrough(), env: {} };
    expect(resolve(example)).toBe(join(ROOT, example));
    await run(['check', example, '--format', 'sarif'], terminal);
    expect(uriOf(JSON.parse(String(stdout.read())) as Sarif)).toEqual({
      uri: 'examples/gateway/loom.yaml',
      uriBaseId: '%SRCROOT%',
    });
  });

  test('has fingerprints that survive other changes of the file, and that differ', async () => {
    const printsOf = async (text: string): Promise<ReadonlyMap<string, string>> => {
      const results = await resultsOf(text);
      return new Map(results.map((each) => [each.partialFingerprints.primaryLocationLineHash, each.message.text]));
    };
    const before = await printsOf(FILE);
    expect(before.size).toBe((await resultsOf(FILE)).length);
    const moved = `# a comment\n\n${FILE}`.replace(
      '        - {key',
      '        - {key: sk_live_0a1b2c3d4e5f, name: carol}\n        - {key',
    );
    const after = await printsOf(moved);
    expect([...after.keys()]).toEqual([...before.keys()]);
    const errors = await printsOf(WRONG);
    const movedErrors = await printsOf(
      WRONG.replace('routes:\n', 'routes:\n  - {path: /new, auth: none, upstream: backend}\n'),
    );
    expect([...movedErrors.keys()]).toEqual([...errors.keys()]);
  });
});

test('no format shows a secret, of keys, of tokens or of comments', async () => {
  for (const text of [FILE, WRONG, `${FILE}\u0000`, FILE.replaceAll(': "', ': "${NONE}')]) {
    for (const format of ['text', 'json', 'sarif']) {
      const { text: printed, errors } = await check(text, '--format', format);
      expect(printed.length).toBeGreaterThan(50);
      for (const secret of SECRETS) expect(printed + errors).not.toContain(secret);
    }
  }
});

test('a gateway with a mistake is still judged as a gateway', async () => {
  const tls = 'tls: {cert_file: a.pem, key_file: a.key, client_auth: request, ca_file: ca.pem, crl_file: crl.pem}';
  const gateway = FILE.replace('address: ":8080"', `address: ":8443", protocol: https, ${tls}`);
  const { diagnostics } = await jsonOf(gateway.replace('upstream: backend', 'upstrem: backend'));
  const codes = diagnostics.map(({ code }) => code);
  expect(codes).toContain('unknown_key');
  // Both are only for middleware.
  expect(codes).not.toContain('crl_of_host');
  expect(codes).not.toContain('unreadable_file');
});
