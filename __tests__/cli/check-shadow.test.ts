/** `loom-auth check` with a shadow file: a mistake in the shadow file is a warning at the option. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { run } from '../../src/cli/program.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-check-shadow-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const KEY = 'sk_live_9f8e7d6c5b4a39281706';
const FILE = `listeners: [{ address: ":8080" }]
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: alice }] } } }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:9001"] }]
routes: [{ path: /orders, upstream: backend, auth: { api_key: true } }]
`;

/** `shadow`: the text of the shadow file. Undefined: there is no such file. */
async function check(shadow: string | undefined, ...args: string[]) {
  const [file, next] = [join(folder, 'loom.yaml'), join(folder, 'next.yaml')];
  writeFileSync(file, `${FILE}shadow: next.yaml\n`);
  rmSync(next, { force: true });
  if (shadow !== undefined) writeFileSync(next, shadow);
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const code = await run(['check', file, '--json', ...args], { stdin, stdout, stderr, env: {} });
  const { diagnostics } = JSON.parse(String(stdout.read())) as {
    readonly diagnostics: readonly { readonly code: string; readonly level: string; readonly message: string }[];
  };
  return { code, found: diagnostics.filter((each) => each.code === 'shadow_file') };
}

test.each([
  ['a missing file', undefined, 'there is no such file'],
  ['a misspelled option', FILE.replace('auth: { api_key: true }', 'auht: { api_key: true }'), 'auht'],
  ['a file without a listener', FILE.replace(/^listeners.*\n/, ''), 'listeners is required'],
  ['a syntax error', 'routes: [', 'next.yaml:'],
])('%s is a warning, and an error with --strict', async (_name, shadow, text) => {
  const { code, found } = await check(shadow);
  expect([code, found.length, found[0]?.level]).toEqual([0, 1, 'warning']);
  expect(found[0]?.message).toContain(text);
  expect(found[0]?.message).not.toContain(KEY);
  const strict = await check(shadow, '--strict');
  expect([strict.code > 0, strict.found[0]?.level]).toEqual([true, 'error']);
});

test('twin: a right shadow file has no warning', async () => {
  expect(await check(FILE.replace('/orders', '/renamed'))).toEqual({ code: 0, found: [] });
});
