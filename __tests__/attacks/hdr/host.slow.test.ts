/** The Host from which an upstream builds its links: one, valid, and the same one that was checked. */
import { connect } from 'node:tls';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { handshake } from '../../support/handshake.js';
import { lookalikesOf, valuesOf } from '../../support/messages.js';

let certificates: Certificates;
let ground: Ground;
beforeAll(async () => {
  certificates = await makeCertificates();
  const { cert, key } = certificates.server;
  ground = await openGround({
    listeners: `  - { name: tls, address: "127.0.0.1:PORT2", protocol: https, tls: { cert_file: ${cert}, key_file: ${key} } }`,
    routes: `
  - { id: own, path: /own/*, upstream: backend, auth: none, preserve_host: false }
  - { id: admin, path: /by-host/*, host: admin.example, upstream: backend, auth: { api_key: true } }
  - { id: anyone, path: /by-host/*, host: public.example, upstream: backend, auth: none, overlap: true }`,
  });
});
afterAll(closeGrounds);
afterAll(() => certificates.remove());

/** With these lines instead of the Host line. */
const hosted = (target: string, ...lines: readonly string[]): string =>
  get(target).replace('Host: gw\r\n', lines.map((line) => `${line}\r\n`).join(''));

describe('HDR-20 a request with no Host, two, or an invalid one', () => {
  test.each([
    ['none', []],
    ['two', ['Host: public.example', 'Host: admin.example']],
    ['two that are equal', ['Host: gw', 'Host: gw']],
    ['two, the second in another case', ['Host: gw', 'hOST: evil']],
    ['two, far apart', ['Host: gw', ...Array<string>(50).fill('A: b'), 'Host: evil']],
    ['an empty one', ['Host:']],
    ['white space', ['Host: \t ']],
    ['a list', ['Host: public.example,admin.example']],
    ['a list with a space', ['Host: public.example, admin.example']],
    ['a path', ['Host: gw/../admin']],
    ['a query', ['Host: gw?x=y']],
    ['a fragment', ['Host: gw#x']],
    ['user information', ['Host: admin@gw']],
    ['a scheme', ['Host: http://gw']],
    ['a quote', ['Host: gw";for=127.0.0.1']],
    ['a space', ['Host: gw evil']],
    ['an escape', ['Host: gw%2eevil']],
    ['a byte outside ASCII', ['Host: gw\xe9']],
    ['an invalid port', ['Host: gw:port']],
    ['a port too long', ['Host: gw:123456']],
    ['two ports', ['Host: gw:80:80']],
    ['brackets left open', ['Host: [::1']],
    ['brackets around a name', ['Host: [gw]']],
    ['an address with a zone', ['Host: [fe80::1%25eth0]']],
    ['a leading dot', ['Host: .gw']],
    ['two dots', ['Host: gw..evil']],
    ['markup', ['Host: <script>']],
    ['three hundred characters', [`Host: ${'a'.repeat(300)}`]],
  ])('is refused: %s', async (_what, lines) => {
    for (const target of ['/public/x', '/by-host/x']) {
      expect(statusOf(await ground.send(hosted(target, ...lines)))).toBe(400);
    }
    const socket = handshake('/public/x').replace('Host: x\r\n', lines.map((line) => `${line}\r\n`).join(''));
    expect(statusOf(await ground.send(socket))).toBe(400);
    expect(ground.arrived()).toEqual([]);
  });

  test.each([
    ['http://evil/public/x', 'gw'],
    ['http://public.example/by-host/x', 'admin.example'],
    ['http://admin.example/by-host/x', 'public.example'],
    ['http://gw:80/public/x', 'gw:81'],
    ['http://a@gw/public/x', 'gw'],
    ['ftp://gw/public/x', 'gw'],
  ])('is refused if the target names another: %s to %s', async (target, host) => {
    expect(statusOf(await ground.send(hosted(target, `Host: ${host}`)))).toBe(400);
    expect(ground.arrived()).toEqual([]);
  });

  test('selects the route that it names, in any case and with a port', async () => {
    for (const host of ['admin.example', 'ADMIN.example', 'admin.example:80', 'admin.example.']) {
      expect(statusOf(await ground.send(hosted('/by-host/x', `Host: ${host}`)))).toBe(401);
    }
    expect(ground.arrived()).toEqual([]);
  });

  test.each(['X-Forwarded-Host', 'X-Host', 'X-Original-Host', 'Forwarded', 'X_Forwarded_Host', 'X-Forwarded-Server'])(
    'and %s does not replace it',
    async (name) => {
      expect(statusOf(await ground.send(hosted('/by-host/x', 'Host: admin.example', `${name}: public.example`)))).toBe(
        401,
      );
      expect(ground.arrived()).toEqual([]);
      expect(statusOf(await ground.send(hosted('/by-host/x', 'Host: public.example', `${name}: evil`)))).toBe(200);
      const [message] = ground.arrived();
      expect(message?.raw).not.toContain('evil');
      expect(message && valuesOf(message, 'host')).toEqual(['public.example']);
      expect(message && lookalikesOf(message, 'X-Forwarded-Host')).toEqual([['x-forwarded-host', 'public.example']]);
    },
  );

  test('HTTP/2, which has a second name for it, is not supported', async () => {
    const protocol = await new Promise((resolve, reject) => {
      const to = { port: ground.morePorts[0] as number, host: '127.0.0.1', rejectUnauthorized: false };
      const socket = connect({ ...to, ALPNProtocols: ['h2', 'http/1.1'] }, () => resolve(socket.alpnProtocol));
      socket.on('error', reject);
      socket.on('secureConnect', () => socket.destroy());
    });
    expect(protocol).toBe('http/1.1');
    expect(statusOf(await ground.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'))).toBe(400);
    expect(statusOf(await ground.send(get('/public/x', ':authority: admin.example')))).toBe(400);
  });

  test.each(['gw', 'GW.example:8080', '127.0.0.1:80', '[::1]', '[2001:db8::1]:443', 'a_b.example', 'example.'])(
    'twin: %s is forwarded unchanged, or as the upstream’s own if the file says so',
    async (host) => {
      expect(statusOf(await ground.send(hosted('/public/x', `Host: ${host}`)))).toBe(200);
      expect(statusOf(await ground.send(hosted(`http://${host}/public/x`, `Host: ${host}`)))).toBe(200);
      expect(statusOf(await ground.send(hosted('/own/x', `Host: ${host}`)))).toBe(200);
      const [first, second, third] = ground.arrived().map((message) => valuesOf(message, 'host'));
      expect([first, second, third]).toEqual([[host], [host], [`127.0.0.1:${ground.upstreamPort}`]]);
    },
  );
});
