/**
 * Forms of the request target (RFC 9112 §3.2): every target that is not a path of this gateway is refused before
 * routing.
 */
import { connect as connectTls } from 'node:tls';
import { anyCertificate } from '../../support/judge.js';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { valuesOf } from '../../support/messages.js';
import { bearerLine, tried, WIDE } from '../../support/trying.js';

let ground: Ground;
let folder: string;

beforeAll(async () => {
  const { cert, key } = await anyCertificate();
  folder = mkdtempSync(join(tmpdir(), 'loom-targets-'));
  writeFileSync(join(folder, 'cert.pem'), cert);
  writeFileSync(join(folder, 'key.pem'), key);
  const tls = `cert_file: ${join(folder, 'cert.pem')}, key_file: ${join(folder, 'key.pem')}`;
  const listeners = `  - { name: tls, address: "127.0.0.1:PORT2", protocol: https, tls: { ${tls} } }`;
  ground = await openGround({ ...WIDE, listeners });
});

afterAll(async () => {
  await closeGrounds();
  rmSync(folder, { recursive: true });
});

/** Sends the bytes unchanged. Returns the status, then the targets that arrived. */
async function sent(bytes: string): Promise<(number | string)[]> {
  const answer = statusOf(await ground.send(bytes));
  return [answer, ...ground.arrived().map(({ target }) => target)];
}

const line = (start: string, host = 'gw'): string => `${start}\r\nHost: ${host}\r\n\r\n`;

describe('PATH-08 a path that looks like an authority', () => {
  test.each([
    '//internal/public/x',
    '//public/x',
    '///public/x',
    '//gw/internal/x',
    '//gw@public/x',
    '/public//internal',
    '/public//',
    '//',
    '/\\internal/public',
    '/%2f/internal',
    '/%5cinternal',
    '//internal:80/public',
  ])('%s is refused', async (path) => {
    expect(await tried(ground, path)).toEqual([400]);
  });

  test('twin: two slashes in a query, and an authority as a name, pass', async () => {
    expect(await tried(ground, '/public/x?to=//internal/y')).toEqual([200, '/public/x?to=//internal/y']);
    expect(await tried(ground, '/public/gw:80')).toEqual([200, '/public/gw:80']);
  });
});

describe('PATH-22 absolute-form', () => {
  test.each([
    'http://evil.example/public/x',
    'http://gw@public/internal/x',
    'http://public@gw/public/x',
    'http://gw:80/public/x',
    'http://gw./public/x',
    'http://gw\\@evil/public/x',
    'http://gw#@evil/public',
    'http:///public/x',
    'http:/public/x',
    'http:public/x',
    'ftp://gw/public/x',
    'ws://gw/public/x',
    'file:///public/x',
    'http://gw//internal/x',
    'http://gw/public/../internal/x',
    'http://gw/public/%2e%2e/internal',
    'http://gw/internal;x',
    'http://gw/internal;/x',
  ])('%s is refused', async (target) => {
    expect(await sent(line(`GET ${target} HTTP/1.1`))).toEqual([400]);
  });

  test.each(['http://gw/internal/x', 'HTTP://GW/internal', 'https://gw/internal/x', 'http://gw/internal?/public'])(
    '%s is routed by its path',
    async (target) => {
      expect(await sent(line(`GET ${target} HTTP/1.1`))).toEqual([401]);
    },
  );

  test('twin: the same authority passes, as a path with that Host', async () => {
    for (const [target, path] of [
      ['http://gw/public/x?y', '/public/x?y'],
      ['HTTP://GW/public/a%20b', '/public/a%20b'],
      ['http://gw', '/'],
      // Each reading of the path has the same requirement.
      ['http://gw/public;x', '/public;x'],
    ]) {
      await ground.send(line(`GET ${target} HTTP/1.1`));
      const [message] = ground.arrived();
      expect(message?.target).toBe(path);
      expect(message && valuesOf(message, 'host')).toEqual(['gw']);
    }
  });
});

describe('PATH-23 targets that are not paths', () => {
  test.each([
    'OPTIONS * HTTP/1.1',
    'GET * HTTP/1.1',
    'GET internal/x HTTP/1.1',
    'GET public/x HTTP/1.1',
    'GET ?x HTTP/1.1',
    'GET  HTTP/1.1',
    'GET HTTP/1.1',
    'GET gw:443 HTTP/1.1',
    'GET . HTTP/1.1',
    'GET .. HTTP/1.1',
    'GET %2fpublic HTTP/1.1',
    'GET \\public HTTP/1.1',
    'GET /public /internal HTTP/1.1',
    'GET /public/x',
  ])('%j is refused', async (start) => {
    expect(await sent(line(start))).toEqual([400]);
  });

  test('CONNECT has no effect', async () => {
    const answer = await ground.send(line('CONNECT gw:443 HTTP/1.1'));
    expect([400, 405, 0]).toContain(statusOf(answer));
    expect(ground.arrived()).toEqual([]);
  });

  test('twin: OPTIONS of a path passes', async () => {
    expect(await sent(line('OPTIONS /public/x HTTP/1.1'))).toEqual([200, '/public/x']);
  });
});

/** The protocol that a TLS client negotiates with this offer. `undefined` if there is none. */
const agreed = (ALPNProtocols: string[]): Promise<string | false | undefined> =>
  new Promise((resolve) => {
    const [port = 0] = ground.morePorts;
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols });
    socket.on('secureConnect', () => (socket.destroy(), resolve(socket.alpnProtocol ?? false)));
    socket.on('error', () => resolve(undefined));
  });

describe('PATH-24 HTTP/2 paths without a slash', () => {
  test('HTTP/2 is not offered', async () => {
    expect(await agreed(['h2'])).toBeUndefined();
    expect(await agreed(['h2', 'http/1.1'])).toBe('http/1.1');
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
    expect(statusOf(await ground.send(preface))).toBe(400);
    expect(ground.arrived()).toEqual([]);
  });

  test.each(['internal/secret', 'public/x', '', 'http://h/internal', '.', 'internal'])(
    'and HTTP/1 does not read %j as a path',
    async (target) => {
      expect(await sent(line(`GET ${target} HTTP/1.1`))).toEqual([400]);
    },
  );

  test('twin: HTTP/1.1 is negotiated, and a path with its slash passes', async () => {
    expect(await agreed(['http/1.1'])).toBe('http/1.1');
    expect(await sent(line('GET /public/x HTTP/1.1'))).toEqual([200, '/public/x']);
  });
});

describe('PATH-25 targets that make parsers of patterns and URLs throw', () => {
  const odd = [
    '//x@x',
    '/@@//[',
    '/[',
    '/public/[',
    '/(((((((((((',
    '/public/(((',
    '/!(*)',
    '/{a,b',
    '/public/**/[',
    'http://[',
  ];
  const odder = [
    '/%',
    '/\\',
    'http://gw:99999/',
    'http://[::1',
    '/public/?[',
    '/public/{}',
    '/public/^$',
    '/:',
    '/public/:',
    '/*',
  ];

  test('a thousand of them end no process', async () => {
    const targets = Array.from({ length: 1_000 }, (_, at) => [...odd, ...odder][at % 20] as string);
    const statuses = new Set<number>();
    for (let at = 0; at < targets.length; at += 20) {
      const answers = await Promise.all(targets.slice(at, at + 20).map((each) => ground.send(get(each))));
      for (const answer of answers) statuses.add(statusOf(answer));
    }
    expect([...statuses].sort()).toEqual([200, 400]);
    for (const { target } of ground.arrived()) expect(target).toMatch(/^\/(?!\/)/);
    // `closeGrounds` fails if the process has died or answered 500.
    expect(ground.output()).not.toMatch(/unhandled/i);
  });

  test('twin: brackets, braces and stars are ordinary characters of a path', async () => {
    for (const path of ['/public/(a)*', '/public/[b]', '/public/{c}', '/public/!d', '/public/@e']) {
      expect(await tried(ground, path)).toEqual([200, path]);
    }
    expect(await tried(ground, '/internal/*', await bearerLine(ground))).toEqual([200, '/internal/*']);
  });
});
