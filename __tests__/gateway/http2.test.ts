/** A host that speaks HTTP/2: the authority that is judged is the one that the application sees. */
import { once } from 'node:events';
import { connect, createServer, type ClientHttp2Session, type Http2Server } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loom, type Loom } from '../../src/loom.js';
import { quietLog } from '../support/quiet-log.js';

const TEXT = `
middleware: { auth: { api_key: { keys: [{ key: key-of-alice, name: alice }], claims_to_headers: { name: X-User-ID } } } }
routes:
  - { id: admin, path: /*, host: admin.example, auth: { api_key: true } }
  - { id: public, path: /*, host: public.example, auth: none, overlap: true }
`;

let gate: Loom;
let server: Http2Server;
let client: ClientHttp2Session;

beforeAll(async () => {
  gate = loom({ text: TEXT, file: 'loom.yaml' }, { log: quietLog() });
  server = createServer((req, res) => {
    const [request, response] = [req, res] as unknown as [IncomingMessage, ServerResponse];
    gate(request, response, () => {
      request.resume();
      request.once('end', () => setImmediate(() => response.end(viewsOf(request))));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

afterAll(async () => {
  client.destroy();
  server.close();
  await gate.close();
});

/** What every view says of a user. */
function viewsOf({ headers, rawHeaders, trailers, rawTrailers }: IncomingMessage): string {
  const lines = JSON.stringify([headers, rawHeaders, trailers, rawTrailers]);
  return JSON.stringify([headers['x-user-id'] ?? null, /forged/.test(lines), lines.match(/kept/g)?.length ?? 0]);
}

async function ask(headers: Record<string, string>): Promise<number | undefined> {
  const stream = client.request({ ':path': '/x', ...headers });
  stream.resume();
  const [answer] = (await once(stream, 'response')) as [{ readonly ':status'?: number }];
  return answer[':status'];
}

test('an authority beside another host is refused; with the same host it is judged', async () => {
  expect(await ask({ ':authority': 'admin.example', host: 'public.example' })).toBe(400);
  expect(await ask({ ':authority': 'public.example', host: 'public.example' })).toBe(200);
  expect(await ask({ ':authority': 'admin.example', host: 'admin.example' })).toBe(401);
  expect(await ask({ ':authority': 'admin.example', host: 'admin.example', 'x-api-key': 'key-of-alice' })).toBe(200);
});

test('a request with :authority and without Host is still checked', async () => {
  expect(await ask({ ':authority': 'admin.example' })).toBe(401);
  expect(await ask({ ':authority': 'public.example' })).toBe(200);
  expect(await ask({ ':authority': 'admin.example', 'x-api-key': 'key-of-alice' })).toBe(200);
});

test.each([
  ['public.example', {}, null],
  ['admin.example', { 'x-api-key': 'key-of-alice' }, 'alice'],
])('at %s no field and no trailer of the client is an identity header', async (host, credential, user) => {
  const forged = { 'x-user-id': 'forged', x_user_id: 'forged', 'x-other': 'kept' };
  const stream = client.request(
    { ':path': '/x', ':method': 'POST', ':authority': host, ...credential, ...forged },
    { waitForTrailers: true, endStream: false },
  );
  stream.on('wantTrailers', () => stream.sendTrailers(forged));
  stream.end('body');
  const text = (await stream.setEncoding('utf8').toArray()) as string[];
  expect(JSON.parse(text.join(''))).toEqual([user, false, 4]);
});
