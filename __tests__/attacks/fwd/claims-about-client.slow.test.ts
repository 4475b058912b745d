/**
 * Headers about the client that only a proxy may set. From others they are replaced by the socket's data, and decide
 * nothing.
 */
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, request, type Ground } from '../../support/attack-ground.js';
import { handshake } from '../../support/handshake.js';
import { lookalikesOf, type Message } from '../../support/messages.js';

let ground: Ground;
let behind: Ground;
beforeAll(async () => {
  const routes = `
  - { id: local, path: /local/*, upstream: backend, auth: { api_key: { names: [near] } } }`;
  const auth = `
    api_key: { keys: [{ key: key-for-elsewhere, name: near, allowed_ips: [203.0.113.0/24] }] }`;
  const options = { replaceAuth: true, auth, replaceRoutes: true, routes: `${PUBLIC}${routes}` };
  [ground, behind] = await Promise.all([
    openGround(options),
    openGround({ ...options, top: 'trusted_proxies: [127.0.0.1, 10.0.0.0/8]' }),
  ]);
});
afterAll(closeGrounds);

const PUBLIC = `
  - { id: public, path: /public/*, upstream: backend, auth: none }`;
const KEY_LINE = 'X-API-Key: key-for-elsewhere';

async function upstream(on: Ground, bytes: string, status = 200): Promise<Message> {
  expect(statusOf(await on.send(bytes))).toBe(status);
  const [message, ...more] = on.arrived();
  if (!message) throw new Error('nothing arrived');
  expect(more).toEqual([]);
  return message;
}

/** Every header that an upstream may read about the client. */
function told(message: Message): Record<string, string[]> {
  const names = ['X-Forwarded-For', 'X-Real-IP', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Forwarded-Port'];
  return Object.fromEntries(names.map((name) => [name, lookalikesOf(message, name).map(([, value]) => value)]));
}

const fromSocket = (on: Ground, host: string): Record<string, string[]> => ({
  'X-Forwarded-For': ['127.0.0.1'],
  'X-Real-IP': ['127.0.0.1'],
  'X-Forwarded-Proto': ['http'],
  'X-Forwarded-Host': [host],
  'X-Forwarded-Port': [String(on.port)],
});

const CLAIMS = [
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: evil/x?y',
  'X-Forwarded-Port: 443',
  'X-Forwarded-Prefix: /internal',
  'X-Forwarded-For: 203.0.113.9',
  'X-Forwarded-Server: evil',
  'X-Forwarded-Scheme: https',
  'X-Forwarded-Ssl: on',
  'X-Forwarded-Uri: /internal',
  'X-Forwarded-Method: GET',
  'X-Forwarded-User: admin',
  'X-Forwarded-Email: admin@example.com',
  'X-Forwarded-Client-Cert: Hash=1;Subject="CN=admin"',
  'X-Forwarded-Tls-Client-Cert: MIIB',
  'X-Forwarded: 203.0.113.9',
  'Forwarded: for=203.0.113.9;proto=https;host=evil',
  'Front-End-Https: on',
  'X-Url-Scheme: https',
  'X-Scheme: https',
  'X-SSL-Client-S-DN: CN=admin',
  'X-SSL-Client-Verify: SUCCESS',
  'SSL-Client-Cert: MIIB',
  'Client-Cert: :MIIB:',
  'X-ARR-ClientCert: MIIB',
];

/** Contains neither the name in any spelling nor the value. */
function isGone(message: Message, line: string): void {
  const [name = '', value = ''] = line.split(/: (.*)/s);
  const ours = Object.keys(told(message)).map((each) => each.toLowerCase());
  if (!ours.includes(name.toLowerCase().replace(/[^a-z0-9]/g, '-'))) expect(lookalikesOf(message, name)).toEqual([]);
  expect(message.fields.map(([, each]) => each)).not.toContain(value);
}

describe('FWD-01 claims about the client from the client', () => {
  test.each(CLAIMS)('are removed, and the socket’s data is used: %s', async (line) => {
    for (const [bytes, status, host] of [
      [get('/public/x', line), 200, 'gw'],
      [get('/public/x', line, line.toLowerCase(), line.toUpperCase()), 200, 'gw'],
      [request('POST', '/public/x', [line, 'Content-Length: 2'], 'hi'), 200, 'gw'],
      [handshake('/public/x', line), 101, 'x'],
    ] as const) {
      const message = await upstream(ground, bytes, status);
      isGone(message, line);
      expect(told(message)).toEqual(fromSocket(ground, host));
    }
  });

  test('all at once decide nothing', async () => {
    expect(statusOf(await ground.send(get('/local/x', KEY_LINE, ...CLAIMS)))).toBe(403);
    expect(ground.arrived()).toEqual([]);
  });

  test('and no path or method is read from headers that an upstream might read', async () => {
    const lines = [
      ...['X-Original-URL: /local', 'X-Rewrite-URL: /local', 'SCRIPT_NAME: /public', 'Script-Name: /public'],
      ...['X-Script-Name: /public', 'PATH_INFO: /local', 'Request-Uri: /local', 'X-HTTP-Method-Override: DELETE'],
    ];
    for (const on of [ground, behind]) {
      const message = await upstream(on, get('/public/local', ...lines));
      for (const line of lines) isGone(message, line);
      expect([message.method, message.target]).toEqual(['GET', '/public/local']);
    }
  });

  test('twin: from a trusted proxy they are forwarded, with the proxy after the client', async () => {
    const lines = ['X-Forwarded-For: 203.0.113.9', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: shop.example'];
    const message = await upstream(behind, get('/local/x', KEY_LINE, ...lines, 'X-Forwarded-Prefix: /shop'));
    expect(told(message)).toMatchObject({
      'X-Forwarded-For': ['203.0.113.9, 127.0.0.1'],
      'X-Forwarded-Proto': ['https'],
      'X-Forwarded-Host': ['shop.example'],
    });
    expect(lookalikesOf(message, 'X-Forwarded-Prefix')).toEqual([['x-forwarded-prefix', '/shop']]);
  });
});

const ADDRESSES = [
  ...['X-Real-IP', 'CF-Connecting-IP', 'CF-Connecting-IPv6', 'True-Client-IP', 'X-Cluster-Client-Ip', 'X-Client-IP'],
  ...['Client-IP', 'X-Remote-IP', 'X-Remote-Addr', 'Remote-Addr', 'X-Originating-IP', 'Fastly-Client-IP'],
  ...['Fly-Client-IP', 'DO-Connecting-IP', 'X-Azure-ClientIP', 'X-Appengine-User-IP', 'X-Appengine-Remote-Addr'],
  ...['X-Envoy-External-Address', 'X-Envoy-Internal', 'Forwarded-For', 'X-Original-Forwarded-For', 'X-Original-For'],
  ...['Proxy-Client-IP', 'WL-Proxy-Client-IP', 'CloudFront-Viewer-Address', 'X-Vercel-Forwarded-For', 'X-ProxyUser-Ip'],
];

describe('FWD-05 the address in a header of another proxy', () => {
  test.each(ADDRESSES)('%s is never trusted and never forwarded from a client', async (name) => {
    const line = `${name}: 203.0.113.9`;
    expect(statusOf(await ground.send(get('/local/x', KEY_LINE, line)))).toBe(403);
    expect(ground.arrived()).toEqual([]);
    const message = await upstream(ground, get('/public/x', line, line.replaceAll('-', '_')));
    expect(message.raw).not.toContain('203.0.113.9');
    expect(told(message)).toEqual(fromSocket(ground, 'gw'));
    // Nor is it the configured one if the peer is a proxy: X-Forwarded-For is.
    expect(statusOf(await behind.send(get('/local/x', KEY_LINE, line)))).toBe(403);
    expect(behind.arrived()).toEqual([]);
  });

  test('twin: X-Forwarded-For from a trusted proxy is trusted', async () => {
    const message = await upstream(behind, get('/local/x', KEY_LINE, 'X-Forwarded-For: 203.0.113.9'));
    expect(lookalikesOf(message, 'X-Forwarded-For')).toEqual([['x-forwarded-for', '203.0.113.9, 127.0.0.1']]);
  });
});

describe('FWD-06 aliases of forwarding headers', () => {
  test.each([
    'X_Forwarded_For: 203.0.113.9',
    'X_forwarded_proto: https',
    'X-Forwarded_For: 203.0.113.9',
    'X.Forwarded.Host: evil',
    'x~forwarded~port: 443',
    'X_Real_IP: 203.0.113.9',
    "X'Real'IP: 203.0.113.9",
    'True_Client_IP: 203.0.113.9',
    'X_SSL_Client_Verify: SUCCESS',
    'X_Forwarded_Client_Cert: Hash=1',
    'Front_End_Https: on',
  ])('are removed even if a trusted proxy sent them: %s', async (line) => {
    for (const on of [ground, behind]) {
      const message = await upstream(on, get('/public/x', line));
      isGone(message, line);
      expect(told(message)).toEqual(fromSocket(on, 'gw'));
      expect(statusOf(await on.send(get('/local/x', KEY_LINE, line)))).toBe(403);
      expect(on.arrived()).toEqual([]);
    }
  });

  test('twin: names that are not an alias are forwarded', async () => {
    const lines = ['X_Custom: kept', 'X-Forward: kept', 'X-Real: kept', 'XForwardedFor: kept', 'X-Forwardedfor: kept'];
    const message = await upstream(ground, get('/public/x', ...lines));
    for (const line of lines) expect(lookalikesOf(message, line.split(':')[0] as string)).toHaveLength(1);
  });
});
