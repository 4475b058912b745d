/** With a lenient HTTP parser the gateway does not start, whichever way the parser was configured. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, openGround } from '../../support/attack-ground.js';
import { built, NODE } from '../../support/built.js';
import { runProcess } from '../../support/process.js';

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loom-lenient-'));
  file = join(folder, 'loom.yaml');
  writeFileSync(
    file,
    `
listeners: [{ name: main, address: "127.0.0.1:0", protocol: http }]
middleware: { auth: { api_key: { keys: [{ key: key-of-alice, name: alice }] } } }
routes: [{ path: /key/*, upstream: far, auth: { api_key: true } }]
upstreams: [{ name: far, endpoints: ["127.0.0.1:9"] }]`,
  );
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await closeGrounds();
});

const FOUR = 'HTTP/1.1 400';
const LENIENT =
  'POST /public/x HTTP/1.1\r\nHost: gw\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';

describe('SMG-15 lenient parsing', () => {
  test.each([
    ['NODE_OPTIONS', ['--insecure-http-parser'], []],
    ['NODE_OPTIONS among others', ['--no-warnings --insecure-http-parser --stack-trace-limit=5'], []],
    ['NODE_OPTIONS with underscores', ['--insecure_http_parser'], []],
    ['NODE_OPTIONS in quotes', ['"--insecure-http-parser"'], []],
    ['an argument', [], ['--insecure-http-parser']],
    ['an argument with underscores', [], ['--insecure_http_parser']],
  ])('by %s: refuses to start and says why', async (_what, [options], args) => {
    const { code, stderr } = await runProcess(NODE, [...args, built(), 'serve', file], {
      env: { NODE_OPTIONS: options },
    });
    expect(stderr).toMatch(/--insecure-http-parser/);
    expect(stderr).not.toMatch(/listening/);
    expect(code).toBeGreaterThan(0);
  });

  test('twin: other options are accepted, and the parser is strict', async () => {
    const ground = await openGround({ env: { NODE_OPTIONS: '--no-warnings --stack-trace-limit=5' } });
    expect((await ground.send(LENIENT)).slice(0, 12)).toBe(FOUR);
    expect(statusOf(await ground.send('GET /public/x HTTP/1.1\r\nHost: gw\r\n\r\n'))).toBe(200);
  });
});
