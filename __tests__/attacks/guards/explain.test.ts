/** Abuses of `POST /explain` and of pasted commands, each beside an honest twin. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { readCurlLine } from '../../../src/cli/curl-line.js';
import { serve } from '../../../src/serve/serve.js';
import type { Explanation } from '../../../src/runtime/explain/explanation.js';
import { ask, type Answer } from '../../support/ask.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';

const READER = 'token-of-the-scraper-01';
const OPERATOR = 'token-of-the-operator-02';
const KEY = 'sk_live_0123456789abcdef0123456789abcdef';
const PASSWORD = 'correct horse battery';
const FAILURES = 3;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function open() {
  const [port = 0, admin = 0] = await freePorts(2);
  const log = quietLog();
  const gate = await serve(
    {
      text: `
listeners: [{ name: plain, address: "127.0.0.1:${port}", protocol: http }]
admin: { address: "127.0.0.1:${admin}", auth: { type: bearer, bearer: { token: ${READER} }, operator: { token: ${OPERATOR} } } }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:1"] }]
middleware:
  auth:
    api_key: { keys: [{ key: ${KEY}, name: orders }] }
    basic:
      users: [{ username: ada, password_hash: "${hashSync(PASSWORD, 4)}" }]
      throttle: { failures: ${FAILURES}, per: 1m }
    chain: [api_key, basic]
    require_any: true
routes: [{ id: orders, path: /*, upstream: backend }]
`,
      file: 'loom.yaml',
    },
    { log, watch: false },
  );
  closing.push(() => gate.stop({ timeout: 0 }));
  const post = (body: string, token = OPERATOR): Promise<Answer> =>
    ask({
      ...{ port: admin, path: '/explain', method: 'POST', body },
      headers: {
        Authorization: `Bearer ${token}`,
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(body),
      },
    });
  const explain = (headers: object, more: object = {}): Promise<Answer> =>
    post(JSON.stringify({ url: 'http://a.example/orders', headers, ...more }));
  const live = (headers: Record<string, string>): Promise<Answer> => ask({ port, path: '/orders', headers });
  return { log, post, explain, live };
}

const basic = (password: string) => ({ Authorization: `Basic ${Buffer.from(`ada:${password}`).toString('base64')}` });
const explained = ({ body }: Answer): Explanation => JSON.parse(body) as Explanation;

describe('G-36 explaining through a running gateway', () => {
  test('the token of a scraper does not open it, and GET does not exist', async () => {
    const { post } = await open();
    for (const token of [READER, 'guess-of-a-token-00'])
      expect((await post('{"url":"/"}', token)).status).toBeGreaterThanOrEqual(401);
  });

  test('wrong passwords spend the budget of the live requests, whatever address the question has', async () => {
    const { explain, live } = await open();
    for (let at = 0; at < FAILURES; at += 1) {
      const answer = await explain(basic(`wrong-${at}`), { from: `203.0.113.${at}` });
      expect([answer.status, explained(answer).reason]).toEqual([200, 'credential_invalid']);
    }
    for (const password of ['wrong-again', PASSWORD]) {
      const answer = await explain(basic(password), { from: '203.0.113.200' });
      expect([answer.status, answer.body]).toEqual([429, expect.not.stringContaining('ada')]);
    }
    expect((await live(basic('wrong'))).status).toBe(429);
  });

  test('live failures count for a question too', async () => {
    const { explain, live } = await open();
    for (let at = 0; at < FAILURES; at += 1) await live(basic(`wrong-${at}`));
    expect((await explain(basic('wrong'))).status).toBe(429);
  });

  test('twin: right credentials and questions without one spend nothing', async () => {
    const { explain, live } = await open();
    for (let at = 0; at < 2 * FAILURES; at += 1) {
      expect(explained(await explain(basic(PASSWORD))).allowed).toBe(true);
      expect(explained(await explain({ 'X-API-Key': KEY })).allowed).toBe(true);
      expect(explained(await explain({})).reason).toBe('credential_missing');
    }
    expect((await live(basic(PASSWORD))).status).toBe(502);
  });

  test('each question is in the audit log, and no line and no answer has a credential', async () => {
    const { explain, log } = await open();
    const bodies = [
      await explain({ ...basic('a-secret-password'), 'X-API-Key': 'a-secret-key' }),
      await explain({ 'X-API-Key': KEY }),
    ];
    const audited = log.entries.filter(({ facts }) => facts['event'] === 'audit').map(({ facts }) => facts);
    expect(audited).toMatchObject([
      { path: '/explain', http_method: 'POST', status: 200, role: 'operator' },
      { path: '/explain' },
    ]);
    const written = JSON.stringify([log.entries, bodies.map(({ body }) => body)]);
    const secrets = [
      KEY,
      PASSWORD,
      OPERATOR,
      READER,
      'a-secret-password',
      'a-secret-key',
      basic('a-secret-password').Authorization,
    ];
    for (const secret of secrets) expect(written).not.toContain(secret);
    // A question is no request: nothing else was logged about it.
    expect(log.entries.filter(({ facts }) => facts['event'] === 'denied')).toEqual([]);
  });

  test('a body that is no request is 400 without its content, and the gateway goes on', async () => {
    const { post, explain } = await open();
    const wrong = [
      ...[
        'null',
        '[]',
        '"x"',
        '{}',
        '{"url":1}',
        '{"url":"secret"}',
        '{"url":"/","method":"a b"}',
        '{"url":"/","secret":1}',
      ],
      ...['{"url":"/","headers":{"a\\r\\nb":"secret"}}', '{"url":"/","headers":{"a":"secret\\r\\nX: 1"}}'],
      ...[
        '{"url":"/","headers":[["a"],["b",{}]]}',
        '{"url":"/","headers":[["a","secret\\u0000"]]}',
        '{"url":"/","from":"secret"}',
      ],
      ...[
        '{"url":"/","at":"secret"}',
        '{"url":"/","certificate":"secret"}',
        '{"url":"/","headers":7}',
        '{"url":"/ secret"}',
      ],
    ];
    for (const body of wrong) {
      const answer = await post(body);
      expect([body, answer.status]).toEqual([body, 400]);
      expect(answer.body).not.toContain('secret');
    }
    const polluting = await post(
      '{"url":"/","__proto__":{"headers":{"X-API-Key":"x"}},"headers":{"__proto__":"x","constructor":"y"}}',
    );
    expect([200, 400]).toContain(polluting.status);
    expect(({} as Record<string, unknown>)['headers']).toBeUndefined();
    expect((await post(JSON.stringify({ url: `/${'a'.repeat(60_000)}` }))).status).toBe(200);
    expect((await post(JSON.stringify({ url: `/${'a'.repeat(70_000)}` }))).status).toBe(413);
    expect(explained(await explain({ 'X-API-Key': KEY })).allowed).toBe(true);
  });
});

describe('G-36 a pasted curl command', () => {
  test('nothing is executed, and a part that a shell would replace is an error without its text', () => {
    const folder = mkdtempSync(join(tmpdir(), 'loom-paste-'));
    const mark = join(folder, 'mark');
    const commands = [
      `curl "https://a/$(touch ${mark})"`,
      `curl https://a/\`touch ${mark}\``,
      `curl -H "X: $(touch ${mark})" https://a/`,
      'curl -H "Authorization: Bearer $TOKEN" https://a/',
      'curl -H "Authorization: Bearer ${TOKEN}" https://a/',
    ];
    for (const command of commands) expect(() => readCurlLine(command)).toThrow(/a shell would replace/);
    const { request, notes } = readCurlLine(`curl https://a/; touch ${mark}`);
    expect(request.url).toBe('https://a/');
    expect(notes.join()).toContain('unquoted ;');
    expect(existsSync(mark)).toBe(false);
    rmSync(folder, { recursive: true });
  });

  test('no file is read', () => {
    for (const command of ['curl -H @/etc/passwd https://a/', 'curl -K /etc/passwd https://a/'])
      expect(() => readCurlLine(command)).toThrow(/reads no file/);
    for (const option of [
      '-d @/etc/passwd',
      '--data-binary @/etc/passwd',
      '--data-urlencode x@/etc/passwd',
      '-F f=@/etc/passwd',
      '-T /etc/passwd',
      '-b /etc/passwd',
      '--cert /etc/passwd',
      '--json @/etc/passwd',
    ]) {
      const line = readCurlLine(`curl ${option} https://a/`);
      expect([option, line.notes.join(' ')]).toEqual([option, expect.stringMatching(/not read/)]);
      expect(JSON.stringify(line)).not.toContain('root:');
    }
  });

  test('twin: the same signs in single quotes are text', () => {
    const { request } = readCurlLine("curl 'https://a/x?$(y)=`z`' -H 'X-Price: $5' -d 'a=$b' --data-raw '@name'");
    expect(request).toMatchObject({ method: 'POST', url: 'https://a/x?$(y)=`z`' });
    expect(request.headers).toContainEqual(['X-Price', '$5']);
    expect(request.headers).toContainEqual(['Content-Length', String('a=$b&@name'.length)]);
  });
});
