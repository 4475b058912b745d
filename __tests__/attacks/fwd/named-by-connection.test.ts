/** `Connection` of a client behind a proxy: it cannot remove what the proxy reports of the client. */
import { get } from '../../support/attack-ground.js';
import { balanced, closeBalanced } from '../../support/balanced.js';
import { handshake } from '../../support/handshake.js';
import { valuesOf, type Message } from '../../support/messages.js';
import { sendPieces } from '../../support/proxy-headers.js';

afterEach(closeBalanced);

const HTTP = '  - { name: web, address: "127.0.0.1:PORT1" }';
const REPORTED: Readonly<Record<string, string>> = {
  'X-Forwarded-For': '203.0.113.9',
  'X-Real-IP': '203.0.113.9',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'shop.example',
  'X-Forwarded-Port': '443',
  'X-SSL-Client-Verify': 'NONE',
  'X-Anonymous-Consumer': 'true',
};
const LINES = Object.entries(REPORTED).map(([name, value]) => `${name}: ${value}`);
const NAMES = Object.keys(REPORTED);
const TOKENS = [
  ...NAMES.map((name) => `Connection: ${name}`),
  `Connection: ${NAMES.join(', ')}`,
  `Connection: close,${NAMES.join(',').toLowerCase()}`,
];
const reportedBy = (message: Message | undefined): Record<string, readonly string[]> =>
  Object.fromEntries(NAMES.map((name) => [name, message ? valuesOf(message, name.toLowerCase()) : []]));

async function upstreamSees(top: string, bytes: readonly string[]) {
  const on = await balanced(HTTP, { top });
  const seen: Record<string, readonly string[]>[] = [];
  for (const each of bytes) {
    const { statuses } = await sendPieces({ host: '127.0.0.1', port: on.ports[0] }, [each]);
    expect([200, 101]).toContain(statuses[0]);
    const [message] = on.arrived();
    expect(message && valuesOf(message, 'x-ended-here')).toEqual([]);
    seen.push(reportedBy(message));
  }
  return seen;
}

const PROXY = 'trusted_proxies: [127.0.0.1]\ntrusted_headers: [X-Anonymous-Consumer]';
const OTHER = 'X-Ended-Here: 1';
const BYTES = TOKENS.flatMap((line) => [
  get('/open/x', ...LINES, OTHER, `${line}, X-Ended-Here`),
  handshake('/open/x', ...LINES, OTHER, `${line}, X-Ended-Here`),
]);

test('HDR-04 a client behind a proxy cannot take itself for the proxy: Connection removes no report of it', async () => {
  const expected = Object.fromEntries(Object.entries(REPORTED).map(([name, value]) => [name, [value]]));
  for (const seen of await upstreamSees(PROXY, BYTES)) {
    expect(seen).toEqual({ ...expected, 'X-Forwarded-For': ['203.0.113.9, 127.0.0.1'] });
  }
});

test('HDR-04 the header of a CDN has the client address, even if Connection names it', async () => {
  const on = await balanced(HTTP, { top: 'client_ip_header: { name: CF-Connecting-IP, from: [127.0.0.1] }' });
  const lines = ['CF-Connecting-IP: 203.0.113.9', 'Connection: CF-Connecting-IP, X-Forwarded-For'];
  await sendPieces({ host: '127.0.0.1', port: on.ports[0] }, [get('/open/x', ...lines)]);
  const [message] = on.arrived();
  const values = ['cf-connecting-ip', 'x-forwarded-for', 'x-real-ip'].map((name) => message && valuesOf(message, name));
  expect(values).toEqual([['203.0.113.9'], ['203.0.113.9, 127.0.0.1'], ['203.0.113.9']]);
});

test('HDR-04 the request id is sent, even if Connection names it', async () => {
  const top = 'logging: { request_id: { header: X-Request-ID } }';
  const on = await balanced(HTTP, { top });
  for (const line of ['Accept: */*', 'Connection: X-Request-ID', 'Connection: close, x-request-id']) {
    await sendPieces({ host: '127.0.0.1', port: on.ports[0] }, [get('/open/x', 'X-Request-ID: forged', line)]);
    const [message] = on.arrived();
    expect([line, message && valuesOf(message, 'x-request-id')]).toEqual([
      line,
      [expect.stringMatching(/^[0-9a-f-]{36}$/)],
    ]);
  }
  const without = await balanced(HTTP);
  const own = ['X-Request-ID: of-the-client', 'Traceparent: x', 'Connection: X-Request-ID, Traceparent'];
  await sendPieces({ host: '127.0.0.1', port: without.ports[0] }, [get('/open/x', ...own)]);
  const [message] = without.arrived();
  expect(message && ['x-request-id', 'traceparent'].flatMap((name) => valuesOf(message, name))).toEqual([]);
});

test('HDR-04 twin: a peer that is no proxy reports nothing, and fields that Connection names end here', async () => {
  for (const seen of await upstreamSees('', BYTES)) {
    expect(seen['X-Forwarded-For']).toEqual(['127.0.0.1']);
    expect(seen['X-Real-IP']).toEqual(['127.0.0.1']);
    expect([seen['X-SSL-Client-Verify'], seen['X-Anonymous-Consumer']]).toEqual([[], []]);
  }
});
