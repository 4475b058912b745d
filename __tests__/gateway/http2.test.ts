/** A host that speaks HTTP/2: the authority that is judged is the one that the application sees. */
import { once } from 'node:events';
import { connect, createServer, type ClientHttp2Session, type Http2Server } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loom, type Loom } from '../../src/loom.js';
import { quietLog } from '../support/quiet-log.js';

const TEXT = `
middleware: { auth: { api_key: { keys: [{ key: key-of-alice, name: alice }] } } }
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
    gate(request, response, () => response.end('hello'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

afterAll(async () => {
  client.destroy();
  server.close();
  await gate.close();
});

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
