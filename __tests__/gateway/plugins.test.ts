/** Plugins before a real upstream: what they answer, what they name, and the bodies that they look at. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { statusOf } from '../support/ask.js';
import { ALICE_KEY, closeGrounds, get, openGround, request, type Ground } from '../support/attack-ground.js';
import { valuesOf } from '../support/messages.js';
import { data, fromWat, pluginWat } from '../support/wat.js';

const HOST = `
  (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_property" (func $property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response" (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))`;
const TEXTS = [
  data(1024, 'x-status'),
  data(1040, 'x-authenticated-user'),
  data(1064, 'ada'),
  data(1072, 'x-other'),
  data(1088, 'auth\\00subject'),
  data(1104, 'ada@example'),
  data(1120, '{\\22error\\22: \\22no\\22}'),
].join('\n');
const NAMED = `
  (drop (call $add (i32.const 0) (i32.const 1040) (i32.const 20) (i32.const 1064) (i32.const 3)))
  (drop (call $add (i32.const 0) (i32.const 1072) (i32.const 7) (i32.const 1064) (i32.const 3)))
  (drop (call $property (i32.const 1088) (i32.const 12) (i32.const 1104) (i32.const 11)))`;
const respondWith = (status: string): string =>
  `(drop (call $respond ${status} (i32.const 0) (i32.const 0) (i32.const 1120) (i32.const 15) (i32.const 0) (i32.const 0) (i32.const -1)))`;

/** Answers with the status that `X-Status` names in three digits; without it the caller is ada. */
const ANSWERING = pluginWat({
  imports: HOST,
  body: TEXTS,
  onRequest: `
    (if (result i32) (call $get (i32.const 0) (i32.const 1024) (i32.const 8) (i32.const 16) (i32.const 20))
      (then ${NAMED} (i32.const 0))
      (else
        ${respondWith(`(i32.add (i32.mul (i32.sub (i32.load8_u (i32.load (i32.const 16))) (i32.const 48)) (i32.const 100))
          (i32.sub (i32.load8_u offset=2 (i32.load (i32.const 16))) (i32.const 48)))`)}
        (i32.const 1)))`,
});
/** 403 for a body that begins with \`x\`; of every other the caller is ada. */
const READING = pluginWat({
  imports: HOST,
  body: `${TEXTS}
    (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
      (drop (call $buffer (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 20)))
      (if (result i32) (i32.eq (i32.load8_u (i32.load (i32.const 16))) (i32.const 120))
        (then ${respondWith('(i32.const 403)')} (i32.const 1))
        (else ${NAMED} (i32.const 0))))`,
});

const folder = mkdtempSync(join(tmpdir(), 'loom-plugins-'));
let ground: Ground;
beforeAll(async () => {
  writeFileSync(join(folder, 'answering.wasm'), await fromWat(ANSWERING));
  writeFileSync(join(folder, 'reading.wasm'), await fromWat(READING));
  ground = await openGround({
    top: `plugins:
  - { name: guard, path: "${join(folder, 'answering.wasm')}" }
  - { name: inline, path: "${join(folder, 'answering.wasm')}", isolation: inline }
  - { name: reader, path: "${join(folder, 'reading.wasm')}", phase: on_request_body, max_body: 1000 }`,
    routes: `
  - { id: guard, path: /guard/*, upstream: backend, auth: { guard: true } }
  - { id: inline, path: /inline/*, upstream: backend, auth: { inline: true } }
  - { id: either, path: /either/*, upstream: backend, auth: { methods: [guard, api_key] } }
  - { id: both, path: /both/*, upstream: backend, auth: { api_key: true }, plugins: [guard] }
  - { id: reader, path: /reader/*, upstream: backend, auth: { reader: true } }`,
  });
});
afterAll(async () => {
  await closeGrounds();
  rmSync(folder, { recursive: true });
});

const ask = async (path: string, ...lines: string[]): Promise<string> => ground.send(get(path, ...lines));

describe.each(['/guard/a', '/inline/a'])('%s', (path) => {
  test('a caller that it names is named to the upstream, by its identity headers alone', async () => {
    expect(statusOf(await ask(path, 'X-Authenticated-User: admin', 'X-Other: client'))).toBe(200);
    const [message] = ground.arrived();
    expect(message && valuesOf(message, 'x-authenticated-user')).toEqual(['ada']);
    expect(message && valuesOf(message, 'x-other')).toEqual(['client']);
  });

  test.each([
    ['401', 401],
    ['403', 403],
    ['302', 302],
    ['409', 409],
    ['503', 503],
  ])('its answer %s goes to the client as it wrote it, and the upstream hears nothing', async (digits, status) => {
    const answer = await ask(path, `X-Status: ${digits}`);
    expect(statusOf(answer)).toBe(status);
    expect(answer).toMatch(/\r\n\r\n\{"error": "no"\}$/);
    expect(ground.arrived()).toEqual([]);
  });
});

describe('beside another method', () => {
  test.each([
    ['401', [], 401, undefined],
    ['401', [`X-API-Key: ${ALICE_KEY['X-API-Key']}`], 200, 'alice'],
    ['403', [`X-API-Key: ${ALICE_KEY['X-API-Key']}`], 200, 'alice'],
    ['302', [`X-API-Key: ${ALICE_KEY['X-API-Key']}`], 302, undefined],
    ['409', [`X-API-Key: ${ALICE_KEY['X-API-Key']}`], 409, undefined],
  ])('its %s with %j is %d in an any', async (digits, lines, status, keyName) => {
    expect(statusOf(await ask('/either/a', `X-Status: ${digits}`, ...lines))).toBe(status);
    expect(ground.arrived().map((message) => valuesOf(message, 'x-key-name')[0])).toEqual(
      status === 200 ? [keyName] : [],
    );
  });

  test('required as well, it and the key must both say yes', async () => {
    const key = `X-API-Key: ${ALICE_KEY['X-API-Key']}`;
    expect(statusOf(await ask('/both/a', 'X-Status: 403', key))).toBe(403);
    expect(statusOf(await ask('/both/a'))).toBe(401);
    expect(ground.arrived()).toEqual([]);
    expect(statusOf(await ask('/both/a', key))).toBe(200);
    const [message] = ground.arrived();
    expect(message && [valuesOf(message, 'x-key-name'), valuesOf(message, 'x-authenticated-user')]).toEqual([
      ['alice'],
      ['ada'],
    ]);
  });
});

test('bytes beyond ASCII in any field are 400, and a twin without them passes', async () => {
  expect(statusOf(await ask('/guard/a', 'X-Any: caf\xe9'))).toBe(400);
  expect(ground.arrived()).toEqual([]);
  expect(statusOf(await ask('/guard/a', 'X-Any: cafe'))).toBe(200);
  ground.arrived();
});

describe('a plugin that reads bodies', () => {
  const chunked = (...chunks: string[]): string =>
    `${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`;

  test.each([
    ['by its length', ['Content-Length: 11'], 'hello world'],
    ['in chunks', ['Transfer-Encoding: chunked'], chunked('hello ', 'world')],
    ['that waits for 100', ['Content-Length: 11', 'Expect: 100-continue'], 'hello world'],
  ])('sees one %s, and the upstream gets it whole', async (_what, lines, body) => {
    const answer = await ground.ask('/public/warm');
    expect(answer.status).toBe(200);
    ground.arrived();
    const reply = await ground.send(request('POST', '/reader/a', [...lines, 'Connection: close'], body));
    // The first answer may be the 100; the upstream has the rest either way.
    expect([100, 200]).toContain(statusOf(reply));
    for (let tries = 0; tries < 200 && ground.received().join('').split('hello world').length < 2; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const arrived = ground.arrived();
    expect(arrived.map(({ method, body: seen }) => [method, seen])).toEqual([['POST', 'hello world']]);
    expect(arrived.flatMap((message) => valuesOf(message, 'x-authenticated-user'))).toEqual(['ada']);
  });

  test('refuses one that it does not like', async () => {
    const reply = await ground.send(request('POST', '/reader/a', ['Content-Length: 3'], 'xyz'));
    expect(statusOf(reply)).toBe(403);
    expect(ground.arrived()).toEqual([]);
  });

  test.each([
    ['its length', ['Content-Length: 1001'], 'y'.repeat(1_001)],
    ['its chunks', ['Transfer-Encoding: chunked'], chunked('y'.repeat(600), 'y'.repeat(600))],
  ])('is not shown one that is too long by %s: 413', async (_what, lines, body) => {
    const reply = await ground.send(request('POST', '/reader/a', lines, body));
    expect(statusOf(reply)).toBe(413);
    expect(reply).toMatch(/"code":"body_too_large"/);
    expect(ground.arrived()).toEqual([]);
    const longest = await ground.send(request('POST', '/reader/a', ['Content-Length: 1000'], 'y'.repeat(1_000)));
    expect(statusOf(longest)).toBe(200);
    expect(ground.arrived().map(({ body: seen }) => seen.length)).toEqual([1_000]);
  });

  test('that names no user without a body refuses the request', async () => {
    expect(statusOf(await ask('/reader/a'))).toBe(401);
    expect(ground.arrived()).toEqual([]);
  });
});
