/** HTTP/2 is not offered, so nothing is rewritten into HTTP/1. Inputs of known rewriting attacks are tested too. */
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { closeGrounds, get, openGround, request, type Ground } from '../../support/attack-ground.js';
import { Conversation } from '../../support/conversation.js';
import { lookalikesOf, valuesOf } from '../../support/messages.js';

let ground: Ground;
let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
  const { cert, key } = certificates.server;
  const tls = `tls: { cert_file: ${cert}, key_file: ${key} }`;
  ground = await openGround({ listeners: `  - { name: tls, address: "127.0.0.1:PORT2", protocol: https, ${tls} }` });
});
afterAll(async () => {
  await closeGrounds();
  await certificates.remove();
});

const shake = (ALPNProtocols: readonly string[]): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const [port = 0] = ground.morePorts;
    const socket = connectTls({
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ALPNProtocols: [...ALPNProtocols],
    });
    socket.once('secureConnect', () => resolve(socket)).once('error', reject);
  });

describe('SMG-11 HTTP/2', () => {
  test('is not negotiated: a client that offers only HTTP/2 gets no connection', async () => {
    await expect(shake(['h2'])).rejects.toThrow();
    const socket = await shake(['h2', 'http/1.1']);
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });

  test.each([
    ['its preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'],
    ['a request with the HTTP/2 version', 'GET /public/x HTTP/2.0\r\nHost: gw\r\n\r\n'],
    ['one with an unsupported version', 'GET /public/x HTTP/0.9\r\nHost: gw\r\n\r\n'],
    ['a pseudo-header', request('GET', '/public/x', [':path: /internal'])],
    ['a pseudo-header alone', request('GET', '/public/x', [':authority: other'])],
    [
      'chunks with that version',
      'POST /public/x HTTP/2.0\r\nHost: gw\r\nTransfer-Encoding: cow, chunked\r\n\r\n0\r\n\r\n',
    ],
  ])('%s is not a request', async (_what, bytes) => {
    const replies = await new Conversation(ground.port).send(bytes + get('/public/behind')).rest();
    expect(replies.map(({ status }) => status)).toEqual([400]);
    expect(ground.arrived()).toEqual([]);
  });

  test('an upgrade to h2c is ignored, and its settings are not forwarded', async () => {
    const lines = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA'];
    const replies = await new Conversation(ground.port).send(get('/public/x', ...lines)).rest();
    expect(replies.map(({ status }) => status)).toEqual([200]);
    const [message, ...more] = ground.arrived();
    expect(more).toEqual([]);
    expect(message?.raw).not.toMatch(/^(?:upgrade|http2-settings):/im);
  });

  // The client writes what a rewrite from HTTP/2 would write into an HTTP/1 head.
  test.each([
    ['a line end in the target', 'GET /public/x HTTP/1.1\r\nX: y HTTP/1.1\r\nHost: gw\r\n\r\n'],
    ['a request as the method', 'GET /internal HTTP/1.1\r\nX: /public/x HTTP/1.1\r\nHost: gw\r\n\r\n'],
    ['a space in the target', 'GET /public/x /internal HTTP/1.1\r\nHost: gw\r\n\r\n'],
    ['a line end in a value', get('/public/x', 'X-A: b\r\nX-User-ID: admin\rc')],
    [
      'chunks beside a length',
      request('POST', '/public/x', ['transfer-encoding: chunked', 'content-length: 3'], 'abc'),
    ],
    ['a name with a space', get('/public/x', 'x y: z')],
  ])('%s has no effect', async (_what, bytes) => {
    const replies = await new Conversation(ground.port)
      .send(bytes)
      .send(get('/public/end', 'Connection: close'))
      .rest();
    expect(replies.every(({ status }) => status === 400 || status === 401 || status === 200)).toBe(true);
    for (const message of ground.arrived()) {
      expect(['/public/x', '/public/end']).toContain(message.target);
      expect(lookalikesOf(message, 'x-user-id')).toEqual([]);
    }
  });

  test('fields of the connection end at the gateway', async () => {
    const lines = ['TE: trailers', 'Connection: x-a, te', 'X-A: b', 'Keep-Alive: timeout=5', 'Proxy-Connection: x'];
    await ground.send(get('/public/x', ...lines));
    const [message] = ground.arrived();
    const seen = ['te', 'x-a', 'keep-alive', 'proxy-connection', 'upgrade', 'http2-settings'].map(
      (name) => message && valuesOf(message, name),
    );
    expect(seen).toEqual(Array.from({ length: 6 }, () => []));
  });

  test('twin: http/1.1 over TLS is served', async () => {
    const socket = await shake(['http/1.1']);
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.write(get('/public/x', 'Connection: close'));
    await new Promise((resolve) => socket.on('close', resolve));
    expect(text).toMatch(/^HTTP\/1\.1 200/);
    expect(ground.arrived().map(({ target }) => target)).toEqual(['/public/x']);
  });
});
