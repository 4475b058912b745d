/**
 * A described client certificate is judged as a listener and the method judge it.
 *
 * @needs openssl
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Explainer } from '../../../src/runtime/explain/explainer.js';
import { compileToServe } from '../../../src/serve/compile-to-serve.js';
import { serve } from '../../../src/serve/serve.js';
import { ask } from '../../support/ask.js';
import { makeCertificates, type CertificateOffice, type Certificates, type Pair } from '../../support/certificates.js';
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

const causeIn = (text: unknown): string | undefined => /\b[A-Z]+(?:_[A-Z]+)+\b/.exec(String(text))?.[0];

/** A refused handshake has no line `denied`. */
const reasonOf = (cause: unknown): string =>
  cause === 'CERT_HAS_EXPIRED' ? 'certificate_expired' : 'certificate_untrusted';

const read = (path: string): string => readFileSync(path, 'utf8');

interface Trust {
  readonly ca?: string;
  readonly crl?: string;
}

async function open(clientAuth: string, { ca = certificates.ca, crl }: Trust = {}) {
  const [port = 0] = await freePorts(1);
  const { server } = certificates;
  // Some Node versions show a server no intermediates (nodejs/node#65579), so `mtls.ca_file` would refuse their clients.
  const own = crl === undefined ? `ca_file: "${ca}", ` : '';
  const lists = crl === undefined ? '' : `, crl_file: "${crl}"`;
  const text = `
listeners:
  - name: secure
    address: "127.0.0.1:${port}"
    protocol: https
    tls: { cert_file: "${server.cert}", key_file: "${server.key}", client_auth: ${clientAuth}, ca_file: "${ca}"${lists} }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${echo.port}"] }]
middleware: { auth: { mtls: { ${own}claims_to_headers: { subject: X-Client } }, chain: [mtls] } }
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
    const answer = await ask({ port, path: '/x', tls: { ca: read(certificates.ca), ...own } }).catch(() => undefined);
    const denied = log.entries.find(({ facts }) => facts['event'] === 'denied')?.facts;
    const handshake = log.entries.find(({ words }) => words === 'handshake refused')?.facts;
    const seen = answer?.status === 200 ? (JSON.parse(answer.body) as { headers: Record<string, string> }) : undefined;
    return {
      status: seen ? null : (answer?.status ?? null),
      reason: denied?.['reason'] ?? (answer ? null : reasonOf(handshake?.['cause'])),
      client: seen?.headers['x-client'],
      cause: causeIn(denied?.['detail'] ?? handshake?.['cause']),
    };
  };
  // OpenSSL sends the authorities that the client itself trusts, where they issued its certificate.
  const explained = async (pair?: Pair) => {
    const explanation = await explainer.explain({
      url,
      ...(pair && { certificate: read(pair.cert) + read(certificates.ca) }),
    });
    const client = explanation.identityHeaders.find(({ name }) => name === 'X-Client')?.value;
    const { status, reason, detail } = explanation;
    return { explanation, seen: { status, reason, client, cause: causeIn(detail) } };
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
    for (const kind of [undefined, 'wrongCa', 'selfSigned', 'wrongUsage', 'expired'] as const) {
      const { explanation } = await explained(kind && certificates[kind]);
      const reason = kind ? reasonOf(kind === 'expired' && 'CERT_HAS_EXPIRED') : 'credential_missing';
      expect(explanation).toMatchObject({ allowed: false, status: null, code: null, reason });
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

test('a chain without a known root: the sentence names where the chain ends', async () => {
  const { explained, close } = await open('request', { ca: certificates.otherCa });
  try {
    const { explanation } = await explained(certificates.viaIntermediate);
    expect(explanation.detail).toMatch(
      /SELF_SIGNED_CERT_IN_CHAIN.*; the chain ends at "O=Example, CN=Example CA" of "O=Example, CN=Example CA"$/,
    );
  } finally {
    await close();
  }
});

describe('with revocation lists', () => {
  const root = (): Pair => ({ cert: certificates.ca, key: certificates.caKey });
  const intermediate = (): Pair => {
    const { intermediateCa } = certificates;
    return { cert: intermediateCa, key: intermediateCa.replace('.pem', '-key.pem') };
  };
  const joined = (name: string, files: readonly string[]): string => {
    const path = certificates.office.path(`${name}.pem`);
    writeFileSync(path, files.map(read).join(''));
    return path;
  };
  const { revoke } = {
    revoke: (...args: Parameters<CertificateOffice['revoke']>) => certificates.office.revoke(...args),
  };
  const OLD = ['20200101000000Z', '20200102000000Z'] as const;
  const EARLY = ['20980101000000Z', '20990101000000Z'] as const;

  const TRUST: readonly (readonly [string, () => Promise<Trust>])[] = [
    ['the list of the root', () => Promise.resolve({ crl: certificates.crl })],
    ['an expired list', async () => ({ crl: await revoke(root(), [], { name: 'list-old', dates: OLD }) })],
    ['a list of the future', async () => ({ crl: await revoke(root(), [], { name: 'list-early', dates: EARLY }) })],
    [
      'an expired list beside the current one',
      async () => ({
        crl: joined('lists-two', [await revoke(root(), [], { name: 'list-old2', dates: OLD }), certificates.crl]),
      }),
    ],
    [
      'the list of another authority of the same name',
      async () => {
        const other = { cert: certificates.otherCa, key: certificates.otherCa.replace('.pem', '-key.pem') };
        return { crl: await revoke(other, [], { name: 'list-other' }) };
      },
    ],
    [
      'the lists of the root and of the intermediate',
      async () => ({
        crl: joined('lists-both', [certificates.crl, await revoke(intermediate(), [], { name: 'list-mid' })]),
      }),
    ],
    [
      'a list that revokes the intermediate',
      async () => {
        const own = await revoke(root(), [intermediate()], { name: 'list-no-mid' });
        return { crl: joined('lists-none', [own, await revoke(intermediate(), [], { name: 'list-mid2' })]) };
      },
    ],
    [
      'an issuing authority without its root',
      async () => ({ ca: certificates.intermediateCa, crl: await revoke(intermediate(), [], { name: 'list-mid3' }) }),
    ],
  ];

  test.each(TRUST)('%s: each kind of certificate has the error of OpenSSL', async (_name, trust) => {
    const given = await trust();
    for (const mode of ['request', 'require']) {
      const { live, explained, close } = await open(mode, given);
      try {
        const judged: object[] = [];
        const expected: object[] = [];
        for (const kind of [...KINDS, 'revoked', 'viaIntermediate'] as const) {
          const pair = certificates[kind];
          judged.push([kind, (await explained(pair)).seen]);
          expected.push([kind, await live(pair)]);
        }
        expect(judged).toEqual(expected);
      } finally {
        await close();
      }
    }
  });
});
