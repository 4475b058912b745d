import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { fetchJson, type FetchJsonError } from '../../src/lib/fetch-json.js';
import { askedServer, json, raw, type Answer, type AskedServer } from '../tokens/introspection-server.js';

const LIMITS = { timeoutMs: 5_000, maxBytes: 1_000, allowInsecureHttp: false };

let server: AskedServer;
beforeEach(async () => {
  server = await askedServer(json({ a: 1 }));
});
afterEach(() => server.close());

async function codeOf(answer: Answer, limits: Partial<typeof LIMITS> = {}): Promise<string> {
  server.answer = answer;
  const error = await fetchJson(`${server.origin}/secret-path`, { ...LIMITS, ...limits }).then(
    () => undefined,
    (cause: unknown) => cause as FetchJsonError,
  );
  expect(error?.message ?? '').not.toContain('secret');
  return error?.code ?? 'none';
}

test('an honest document comes back with its status and headers', async () => {
  server.answer = raw(200, '{"a":[1,{"b":null}]}', { 'cache-control': 'max-age=60' });
  const { status, headers, body } = await fetchJson(server.origin, LIMITS);
  expect([status, headers.get('cache-control'), body]).toEqual([200, 'max-age=60', { a: [1, { b: null }] }]);
  expect(server.asked[0]).toMatchObject({ method: 'GET', headers: { accept: 'application/json' } });
});

test('a POST sends its body and headers', async () => {
  await fetchJson(server.origin, { ...LIMITS, method: 'POST', headers: { 'x-a': 'b' }, body: 'k=v' });
  expect(server.asked[0]).toMatchObject({ method: 'POST', body: 'k=v', headers: { 'x-a': 'b' } });
});

test('another status comes back without its body', async () => {
  server.answer = raw(429, 'slow down', { 'retry-after': '7' });
  const { status, headers, body } = await fetchJson(server.origin, LIMITS);
  expect([status, headers.get('retry-after'), body]).toEqual([429, '7', undefined]);
});

test('a redirect is never followed', async () => {
  expect(await codeOf(raw(302, '', { location: `${server.origin}/elsewhere` }))).toBe('redirect');
  expect(server.asked).toHaveLength(1);
});

test('a body over the limit is refused, one at the limit is not', async () => {
  const document = (size: number) => `"${'x'.repeat(size - 2)}"`;
  expect(await codeOf(raw(200, document(1_000)))).toBe('none');
  expect(await codeOf(raw(200, document(1_001)))).toBe('too_large');
});

test('an endless body is cut off, and a small one that unfolds to a large one too', async () => {
  const endless: Answer = (_asked, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write(' '.repeat(10_000)), 1);
    response.on('close', () => clearInterval(timer));
  };
  expect(await codeOf(endless)).toBe('too_large');
  const bomb = gzipSync(`"${'x'.repeat(1_000_000)}"`);
  expect(await codeOf(raw(200, bomb, { 'content-encoding': 'gzip' }))).toBe('too_large');
  expect(await codeOf(raw(200, gzipSync('{}'), { 'content-encoding': 'gzip' }))).toBe('none');
});

test.each(['gzip', 'deflate', 'br'])(
  'a body without its content coding is an answer, not an outage: %s',
  async (coding) => {
    const sent = (body: string | Buffer) => codeOf(raw(200, body, { 'content-encoding': coding }));
    const encode = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }[coding] ?? gzipSync;
    expect(await sent('{"a":1}')).toBe('not_json');
    expect(await sent(encode('{"a":1}').subarray(0, 6))).toBe('not_json');
    expect(await sent(encode('{"a":1}'))).toBe('none');
  },
);

test('the deadline covers the head and the body', async () => {
  expect(await codeOf(() => undefined, { timeoutMs: 50 })).toBe('timeout');
  const slow: Answer = (_asked, response) => void response.writeHead(200).write('{');
  expect(await codeOf(slow, { timeoutMs: 200 })).toBe('timeout');
});

test.each([
  ['empty', ''],
  ['HTML', '<html>'],
  ['a duplicate member', '{"a":1,"a":2}'],
  ['a byte order mark', '\ufeff{}'],
  ['broken UTF-8', Buffer.from([0x22, 0xff, 0x22])],
])('%s is no document', async (_name, body) => {
  expect(await codeOf(raw(200, body))).toBe('not_json');
});

test('a body cut off before its length and a closed port are network faults', async () => {
  const cut: Answer = (_asked, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('{"a":');
    setTimeout(() => response.destroy(), 20);
  };
  expect(await codeOf(cut)).toBe('network');
  const { origin } = server;
  await server.close();
  await expect(fetchJson(origin, LIMITS)).rejects.toMatchObject({
    code: 'network',
    message: 'the exchange failed (ECONNREFUSED)',
  });
});

test.each([
  'http://id.example/',
  'ftp://127.0.0.1/',
  'http://127.0.0.1.evil.example/',
  'https://u:p@id.example/',
  '/x',
  'http://localhost.evil.example',
])('%s is not asked', async (url) => {
  await expect(fetchJson(url, LIMITS)).rejects.toMatchObject({ code: 'insecure_url' });
});

test('plain http beyond this machine is asked only where the file allows it', async () => {
  const { port } = new URL(server.origin);
  const url = `http://0.0.0.0:${port}/`;
  await expect(fetchJson(url, LIMITS)).rejects.toMatchObject({ code: 'insecure_url' });
  await expect(fetchJson(url, { ...LIMITS, allowInsecureHttp: true })).resolves.toMatchObject({ status: 200 });
});
