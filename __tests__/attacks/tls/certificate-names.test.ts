/** Names of client certificates as conditions of a route and as a header for the upstream, over real TLS. */
import { readFileSync } from 'node:fs';
import { serve } from '../../../src/serve/serve.js';
import { ask, seen, type Answer } from '../../support/ask.js';
import { makeCertificates, type Certificates, type Pair } from '../../support/certificates.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';
import { echoUpstream, type Echo, type Echoed } from '../../support/recording-upstream.js';

let made: Certificates;
let upstream: Echo;
let port: number;
let gateway: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  [made, upstream, [port = 0]] = await Promise.all([makeCertificates(), echoUpstream(), freePorts(1)]);
  const route = (id: string, narrow: string): string =>
    `{ id: ${id}, path: /${id}/*, upstream: backend, auth: { mtls: { ${narrow} } } }`;
  const text = `
listeners:
  - name: tls
    address: "127.0.0.1:${port}"
    protocol: https
    tls: { cert_file: "${made.server.cert}", key_file: "${made.server.key}", client_auth: request, ca_file: "${made.ca}", client_cert_headers: { san: X-Client-SAN } }
routes:
  - ${route('spiffe', 'sans: ["URI:spiffe://example/*"]')}
  - ${route('other', 'sans: ["URI:spiffe://example/ns/*", "DNS:*.svc-a"]')}
  - ${route('reverse', 'subjects: ["O=Example,CN=svc-a"]')}
  - { id: open, path: /open/*, upstream: backend, auth: none }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream.port}"] }]`;
  gateway = await serve({ text, file: 'loom.yaml' }, { log: quietLog() });
});
afterAll(async () => {
  await gateway.stop({ timeout: 0 });
  await upstream.close();
  await made.remove();
});

function asking(path: string, pair?: Pair, headers: Record<string, string> = {}): Promise<Answer> {
  const own = pair && { cert: readFileSync(pair.cert), key: readFileSync(pair.key) };
  return ask({ port, path, headers, tls: { ca: readFileSync(made.ca), ...own } });
}

test('a pattern and a subject in either order admit the certificate, and no other', async () => {
  expect((await asking('/spiffe/x', made.client)).status).toBe(200);
  expect((await asking('/reverse/x', made.client)).status).toBe(200);
  expect((await asking('/other/x', made.client)).status).toBe(403);
  expect((await asking('/spiffe/x', made.clientWithoutNames)).status).toBe(403);
  expect((await asking('/reverse/x', made.clientWithoutNames)).status).toBe(403);
  expect((await asking('/spiffe/x', made.wrongCa)).status).toBe(401);
  expect((await asking('/spiffe/x')).status).toBe(401);
});

test('client_cert_headers.san has the SPIFFE ID first, and never the value of the client', async () => {
  const forged = { 'X-Client-SAN': 'URI:spiffe://example/admin', x_client_san: 'URI:spiffe://example/admin' };
  const value = async (path: string, pair?: Pair): Promise<string | undefined> =>
    seen<Echoed>(await asking(path, pair, forged)).headers['x-client-san'];
  expect(await value('/spiffe/x', made.client)).toBe('URI:spiffe://example/svc-a,DNS:svc-a');
  expect(await value('/open/x', made.client)).toBe('URI:spiffe://example/svc-a,DNS:svc-a');
  expect(await value('/open/x', made.clientWithoutNames)).toBeUndefined();
  expect(await value('/open/x')).toBeUndefined();
  expect(JSON.stringify(upstream.requests)).not.toContain('spiffe://example/admin');
});
