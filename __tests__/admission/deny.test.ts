import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { deny, denySocket } from '../../src/admission/deny.js';
import { denialOf, type Denial } from '../../src/admission/denial.js';

/** What a client receives, byte for byte. */
async function answered(denial: Denial, request: string, upgrade = false): Promise<string> {
  const server = createServer((_request, response) => deny(response, denial, 'id-1')).listen(0, '127.0.0.1');
  if (upgrade) server.on('upgrade', (_request, socket) => denySocket(socket, denial, 'id-1'));
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(request);
  await once(socket, 'close');
  server.close();
  return Buffer.concat(chunks).toString('latin1');
}

const GET = 'GET / HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n';
const UPGRADE = 'GET / HTTP/1.1\r\nHost: gw\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const bearer = { scheme: 'Bearer', params: {} };
const absent = denialOf({ kind: 'absent', challenges: [bearer, { scheme: 'ApiKey', params: { realm: 'a"b' } }] });

describe('a denial', () => {
  it.each([
    ['a response', GET, false],
    ['an upgrade', UPGRADE, true],
  ])('is problem+json with its challenges on %s', async (_name, request, upgrade) => {
    const text = await answered(absent, request, upgrade);
    expect(text).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    expect(text).toContain('\r\nWWW-Authenticate: Bearer realm="loom"\r\nWWW-Authenticate: ApiKey realm="a\\"b"\r\n');
    expect(text).toContain('\r\nCache-Control: no-store\r\n');
    expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toEqual({
      type: 'urn:loom-auth:problem:unauthorized',
      title: 'A valid credential is required',
      status: 401,
      code: 'unauthorized',
      instance: 'id-1',
    });
  });

  it('is the same for an unknown user, a wrong password and an unknown key', async () => {
    const bodies = (['credential_invalid', 'token_signature', 'token_unknown_key'] as const).map((reason) =>
      answered(denialOf({ kind: 'rejected', status: 401, reason, challenges: [bearer] }), GET),
    );
    const [first, ...rest] = (await Promise.all(bodies)).map((each) => each.replace(/Date: .*\r\n/, ''));
    for (const each of rest) expect(each).toBe(first);
  });

  it('closes the connection of a request whose body is unread', async () => {
    const text = await answered(absent, 'POST / HTTP/1.1\r\nHost: gw\r\nContent-Length: 1000000\r\n\r\nx');
    expect(text).toMatch(/\r\nConnection: close\r\n/);
  });

  it('says 503 with Retry-After for what could not be decided, never 401', async () => {
    const cause = new Error('secret detail');
    const text = await answered(denialOf({ kind: 'unavailable', reason: 'key_set_unavailable', cause }), GET);
    expect(text).toMatch(/^HTTP\/1\.1 503 /);
    expect(text).toMatch(/\r\nRetry-After: 5\r\n/);
    expect(text).not.toMatch(/secret|WWW-Authenticate|key_set/);
  });
});
