/** Invalid key sets, and their allowed sources: documents, URLs, an environment without certificate checks. */
import { signingKey } from '../../tokens/signing.js';
import { gzipSync, deflateSync, brotliCompressSync } from 'node:zlib';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { built, NODE } from '../../support/built.js';
import { gateOf, jwkOf, K1, K2, setOf, tlsServer, tokenOf } from '../../support/key-sets.js';
import { errorsOf } from '../../support/loading.js';
import { closeOpened } from '../../support/page-gate.js';
import { freePorts } from '../../support/ports.js';
import { runProcess } from '../../support/process.js';
import { certificatesOf } from '../../support/tls-places.js';
import { askedServer, json, raw, type Answer, type AskedServer } from '../../tokens/introspection-server.js';

const servers: AskedServer[] = [];
const server = async (answer: Answer): Promise<AskedServer> => {
  const one = await askedServer(answer);
  servers.push(one);
  return one;
};
afterEach(async () => {
  await closeOpened();
  for (const each of servers.splice(0)) await each.close();
});

const ISS = 'https://id.example';
const block = (url: string): string => `{ issuer: "${ISS}", jwks_url: "${url}" }`;
const k1 = jwkOf(K1, 'k1');
const SET = setOf(k1);
const privateJwk = { ...K1.privateKey.export({ format: 'jwk' }), kid: 'k1' };
const zipped = (encoding: string, body: Buffer): Answer => raw(200, body, { 'content-encoding': encoding });
const bomb = Buffer.from(`{"x":"${' '.repeat(64 * 1_048_576)}"}`);

const BAD: Readonly<Record<string, Answer>> = {
  nothing: raw(200, ''), HTML: raw(200, '<html><body>Sign in</body></html>', { 'content-type': 'text/html' }), 'an empty object': json({}), 'no keys': json({ keys: [] }), 'keys: null': json({ keys: null }),
  'keys: an object': json({ keys: { k1 } }), 'keys: a text': json({ keys: SET }), 'keys within keys': json({ keys: [[k1]] }), 'keys: null within': json({ keys: [null, 7, 'x', true] }), 'a list': json([k1]), 'a key alone': json(k1), null: json(null), 'a text': json(SET),
  'a number': json(7), 'JSON and more': raw(200, `${SET}x`), 'JSON twice': raw(200, SET + SET), 'a byte order mark': raw(200, `\ufeff${SET}`), 'UTF-16': raw(200, Buffer.from(SET, 'utf16le')), 'no UTF-8': raw(200, Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xff]), Buffer.from(`",${SET.slice(1)}`)])),
  JSONP: raw(200, `callback(${SET})`), 'a guard before it': raw(200, `)]}',\n${SET}`), 'a member twice': raw(200, `{"keys":[],${SET.slice(1)}`), 'a member twice in a nested object': raw(200, SET.replace('"kid"', '"kid":"x","kid"')), NaN: raw(200, SET.replace('{', '{"x":NaN,')),
  'a deep nest': raw(200, `{"x":${'['.repeat(100_000)}${']'.repeat(100_000)},${SET.slice(1)}`), 'a secret': json({ keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'k1', alg: 'HS256' }] }), 'the private half': json({ keys: [privateJwk] }),
  'an unknown kind': json({ keys: [{ ...k1, kty: 'LWE' }] }), 'no kind': json({ keys: [{ ...k1, kty: undefined }] }), 'a certificate alone': json({ keys: [{ kty: 'RSA', kid: 'k1', x5c: ['AAAA'], x5u: 'http://127.0.0.1:9/' }] }), 'a kid that is a number': json({ keys: [{ ...k1, kid: 1 }] }),
  '257 keys': json({ keys: Array.from({ length: 257 }, (_no, index) => ({ ...k1, kid: `k${index}` })) }), '100,000 keys': json({ keys: Array(100_000).fill({ kty: 'oct' }) }),
  'a bomb of gzip': zipped('gzip', gzipSync(bomb)), 'a bomb of deflate': zipped('deflate', deflateSync(bomb)), 'a bomb of brotli': zipped('br', brotliCompressSync(bomb)), 'a bomb in a bomb': zipped('gzip, gzip', gzipSync(gzipSync(bomb))),
  'invalid gzip': zipped('gzip', Buffer.from(SET)), 'an unknown coding': zipped('x-unknown', Buffer.from(`\u0000${SET}`)), '600 KiB': raw(200, SET + ' '.repeat(600 * 1_024)),
}; // prettier-ignore

describe('JWK-05 a document that is not a key set', () => {
  test('cold: 503, because the keys are unknown', async () => {
    const found: [string, number][] = [];
    for (const [what, answer] of Object.entries(BAD))
      found.push([
        what,
        await (await gateOf(block(`${(await server(answer)).origin}/jwks`))).status(tokenOf(ISS, K1, 'k1')),
      ]);
    expect(found).toEqual(Object.keys(BAD).map((what) => [what, 503]));
  });

  test('warm: it never replaces a good one, and the log reports it', async () => {
    const found: unknown[] = [];
    for (const [what, answer] of Object.entries(BAD)) {
      const issuer = await server(json({ keys: [k1] }));
      const gate = await gateOf(block(`${issuer.origin}/jwks`));
      const first = await gate.status(tokenOf(ISS, K1, 'k1'));
      issuer.answer = answer;
      // Causes a load, because the kid is unknown.
      const unknown = await gate.status(tokenOf(ISS, K2, 'k2'));
      found.push([
        what,
        first,
        unknown,
        await gate.status(tokenOf(ISS, K1, 'k1', { jti: 'new' })),
        gate.log.some(({ words }) => words === 'key set not loaded'),
      ]);
      await closeOpened();
    }
    expect(found).toEqual(Object.keys(BAD).map((what) => [what, 200, 503, 200, true]));
  });

  test('two keys of one name: each verifies its own tokens, and no other key does', async () => {
    const issuer = await server(json({ keys: [k1, jwkOf(K2, 'k1'), jwkOf(K2, 'k2')] }));
    const gate = await gateOf(block(`${issuer.origin}/jwks`));
    expect([
      await gate.status(tokenOf(ISS, K1, 'k1')),
      await gate.status(tokenOf(ISS, K2, 'k1')),
      await gate.status(tokenOf(ISS, K2, 'k2')),
      await gate.status(tokenOf(ISS, signingKey('RS256'), 'k1')),
    ]).toEqual([200, 200, 200, 401]);
  });

  test('twin: a good key among useless ones, compressed, with the extra members that RFC 7517 allows', async () => {
    const beside = [
      { kty: 'oct', k: 'c2VjcmV0', kid: 'k1' },
      { ...k1, kid: 'enc', use: 'enc' },
      { kty: 'LWE', kid: 'k1' },
      null,
    ];
    const whole = {
      keys: [...beside, { ...k1, alg: undefined, x5c: ['AAAA'], 'x5t#S256': 'x', ext: true, exp: 7 }],
      more: { keys: [] },
    };
    const answers = [
      json(whole),
      json({ keys: [k1, k1] }),
      zipped('gzip', gzipSync(SET)),
      zipped('br', brotliCompressSync(SET)),
      raw(200, ` \r\n\t${SET}\n`, { 'content-type': 'text/plain' }),
    ];
    for (const answer of answers)
      expect(await (await gateOf(block(`${(await server(answer)).origin}/jwks`))).status(tokenOf(ISS, K1, 'k1'))).toBe(
        200,
      );
  });
});

describe('JWK-06 a jwks_url', () => {
  const load = (url: string, more = ''): string =>
    errorsOf(`jwt: { issuer: x, audience: y, jwks_url: ${JSON.stringify(url)}${more} }`);
  const urls = [
    'file:///etc/passwd', 'ftp://id.example/jwks', 'data:application/json,{}', 'javascript:0', 'ws://id.example/jwks', 'blob:https://id.example/x', 'gopher://id.example/', '/jwks', 'jwks', '//id.example/jwks', 'id.example/jwks', 'https:', 'https://', 'https://:443/', 'https://[::1/jwks',
    'https://user:pass@id.example/jwks', 'https://user@id.example/jwks', 'https://id.example/jwks#x', ' https://id.example/jwks', 'https://id.example:99999/', 'https://a b/jwks', '',
  ]; // prettier-ignore
  const plain = [
    'http://id.example/jwks',
    'HTTP://id.example/jwks',
    'http://localhost.evil.example/',
    'http://127.0.0.1.evil.example/',
    'http://10.0.0.1/jwks',
    'http://169.254.169.254/',
    'http://0.0.0.0/',
    'http://[::]/',
    'http://[fe80::1]/',
    'http://localhost@id.example/',
    'http://128.0.0.1/',
    'http://[::ffff:10.0.0.1]/',
  ];

  test('that is invalid, or contains a password, does not load, whatever is allowed', () => {
    for (const url of urls)
      for (const more of ['', ', allow_insecure_http: true'])
        expect([url, load(url, more)]).toEqual([url, expect.stringContaining('jwks_url')]);
  });

  test('over plain http from another machine does not load unless it is allowed', () => {
    for (const url of plain) expect([url, load(url)]).toEqual([url, expect.stringContaining('jwks_url')]);
    for (const url of plain.filter((each) => !each.includes('@')))
      expect([url, load(url, ', allow_insecure_http: true')]).toEqual([url, '']);
  });

  test('twin: https, and http on this machine', () => {
    for (const url of [
      'https://id.example/jwks',
      'HTTPS://ID.example:8443/a/b?c=d',
      'http://localhost:8080/jwks',
      'http://127.0.0.1/jwks',
      'http://127.1.2.3:9/x',
      'http://[::1]:80/jwks',
    ])
      expect([url, load(url)]).toEqual([url, '']);
  });
});

describe('JWK-07 an environment without certificate checks', () => {
  const serve = async (
    env: Record<string, string>,
  ): Promise<{ code: number | null; output: string; visits: number }> => {
    const tls = await certificatesOf();
    const place = await tlsServer(tls.selfSigned, raw(200, SET));
    const folder = mkdtempSync(join(tmpdir(), 'loom-environment-'));
    const file = join(folder, 'loom.yaml');
    const [port] = await freePorts(1);
    writeFileSync(
      file,
      `listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]
middleware: { auth: { jwt: ${block(`${place.origin}/jwks`)} } }
routes: [{ id: x, path: /*, upstream: backend, auth: { jwt: true } }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:9"] }]\n`,
    );
    const { code, stdout, stderr } = await runProcess(NODE, [built(), 'serve', file], { env });
    const visits = place.visits();
    await place.close();
    await tls.remove();
    rmSync(folder, { recursive: true });
    return { code, output: stdout + stderr, visits };
  };

  test('NODE_TLS_REJECT_UNAUTHORIZED=0: serve does not start, and sends no request', async () => {
    const { code, output, visits } = await serve({ NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    expect([code !== 0 && code !== null, visits]).toEqual([true, 0]);
    expect(output).toContain('NODE_TLS_REJECT_UNAUTHORIZED=0');
    expect(output).not.toContain('listening');
  });

  test('as middleware of a host, set before the start or after: no request over TLS, 503', async () => {
    const tls = await certificatesOf();
    const place = await tlsServer(tls.selfSigned, raw(200, SET));
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      const gate = await gateOf(block(`${place.origin}/jwks`));
      expect(await gate.status(tokenOf(ISS, K1, 'k1'))).toBe(503);
      expect(place.visits()).toBe(0);
      expect(gate.log.some(({ facts }) => String(facts['fault']).includes('NODE_TLS_REJECT_UNAUTHORIZED'))).toBe(true);
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
      await place.close();
      await tls.remove();
    }
  });

  test('twin: with the default certificate checks it loads', async () => {
    expect(
      await (await gateOf(block(`${(await server(json({ keys: [k1] }))).origin}/jwks`))).status(tokenOf(ISS, K1, 'k1')),
    ).toBe(200);
  });
});
