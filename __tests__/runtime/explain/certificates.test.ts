/**
 * A described client certificate is judged as a listener and the method judge it.
 *
 * @needs openssl
 */
import { readFileSync } from 'node:fs';
import { Explainer } from '../../../src/runtime/explain/explainer.js';
import { compileToServe } from '../../../src/serve/compile-to-serve.js';
import { serve } from '../../../src/serve/serve.js';
import { ask } from '../../support/ask.js';
import { makeCertificates, type Certificates, type Pair } from '../../support/certificates.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';
import { echoUpstream, type Echo } from '../../support/recording-upstream.js';

let certificates: Certificates;
let echo: Echo;
beforeAll(async () => {
  certificates = await makeCertificates();
  echo = await echoUpstream();
});
afterAll(async () => {
  await echo.close();
  await certificates.remove();
});

const read = (path: string): string => readFileSync(path, 'utf8');

async function open(clientAuth: string) {
  const [port = 0] = await freePorts(1);
  const { server, ca } = certificates;
  const text = `
listeners:
  - name: secure
    address: "127.0.0.1:${port}"
    protocol: https
    tls: { cert_file: "${server.cert}", key_file: "${server.key}", client_auth: ${clientAuth}, ca_file: "${ca}" }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${echo.port}"] }]
middleware: { auth: { mtls: { ca_file: "${ca}", claims_to_headers: { subject: X-Client } }, chain: [mtls] } }
routes: [{ id: all, path: /*, upstream: backend }]
`;
  const log = quietLog();
  const source = { text, file: 'loom.yaml' };
  const gate = await serve(source, { log, watch: false });
  const explainer = new Explainer({
    ...{ plan: compileToServe(source, {}).plan, standalone: true, now: Date.now, online: false },
  });
  const url = `https://localhost:${port}/x`;
  const live = async (pair?: Pair) => {
    log.entries.length = 0;
    const own = pair ? { cert: read(pair.cert), key: read(pair.key) } : {};
    const answer = await ask({ port, path: '/x', tls: { ca: read(ca), ...own } }).catch(() => undefined);
    const denied = log.entries.find(({ facts }) => facts['event'] === 'denied')?.facts;
    const seen = answer?.status === 200 ? (JSON.parse(answer.body) as { headers: Record<string, string> }) : undefined;
    return {
      status: seen ? null : (answer?.status ?? null),
      reason: denied?.['reason'] ?? null,
      client: seen?.headers['x-client'],
    };
  };
  const explained = async (pair?: Pair) => {
    const explanation = await explainer.explain({ url, ...(pair && { certificate: read(pair.cert) }) });
    const client = explanation.identityHeaders.find(({ name }) => name === 'X-Client')?.value;
    return { explanation, seen: { status: explanation.status, reason: explanation.reason, client } };
  };
  const close = async (): Promise<void> => {
    await explainer.close();
    await gate.stop({ timeout: 0 });
  };
  return { live, explained, close };
}

const KINDS = [
  'client',
  'clientWithoutNames',
  'expired',
  'notYetValid',
  'wrongCa',
  'selfSigned',
  'wrongUsage',
] as const;

test('a listener that asks for a certificate: each kind is judged as by OpenSSL', async () => {
  const { live, explained, close } = await open('request');
  try {
    for (const kind of [undefined, ...KINDS]) {
      const pair = kind && certificates[kind];
      const { seen } = await explained(pair);
      expect([kind, seen]).toEqual([kind, await live(pair)]);
    }
  } finally {
    await close();
  }
});

test('a listener that requires a certificate: the handshake fails, and a good one passes', async () => {
  const { live, explained, close } = await open('require');
  try {
    for (const kind of [undefined, 'wrongCa', 'selfSigned', 'wrongUsage'] as const) {
      const { explanation } = await explained(kind && certificates[kind]);
      expect(explanation).toMatchObject({ allowed: false, status: null, code: null, reason: 'certificate_untrusted' });
      expect(explanation.notes.join(' ')).toContain('The TLS handshake fails');
      expect((await live(kind && certificates[kind])).status).toBeNull();
    }
    const { explanation, seen } = await explained(certificates.client);
    expect(seen).toEqual(await live(certificates.client));
    expect(explanation).toMatchObject({ allowed: true, request: { tls: true, listener: 'secure' } });
    expect(explanation.notes.join(' ')).toContain('OpenSSL decides');
  } finally {
    await close();
  }
});
