/** The listener that a described request would reach, and what its TLS server says about the client certificate. */
import { X509Certificate } from 'node:crypto';
import { Authorities } from '../../certificates/authorities.js';
import { UNIX_PEER } from '../../lib/address.js';
import type { Plan, PlannedListener } from '../../config/plan-types.js';
import type { DescribedRequest } from './described-request.js';
import { describeConnection, type ConnectionFacts } from './described-connection.js';

export interface Endpoint {
  readonly listener: PlannedListener | undefined;
  readonly connection: ConnectionFacts;
  /** Set if the TLS handshake fails, so that no request arrives. */
  readonly handshakeFault: string | undefined;
  readonly notes: readonly string[];
}

const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
const LONGEST_CHAIN = 8;
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

export function endpointOf(
  plan: Plan,
  { scheme, port, from, certificate }: DescribedRequest,
  { standalone, now }: { readonly standalone: boolean; readonly now: number },
): Endpoint {
  const chain = certificate === undefined ? [] : readChain(certificate);
  const listener = standalone ? listenerOf(plan.listeners, scheme, port) : undefined;
  const tls = listener ? listener.protocol === 'https' : scheme === 'https' || chain.length > 0;
  const asked = !standalone || (listener?.tls !== undefined && listener.tls.clientAuth !== 'none');
  const judged = tls && asked ? chain : [];
  const fault = standalone ? listenerFault(listener, judged, now) : undefined;
  const isRequired = listener?.tls?.clientAuth === 'require' || listener?.tls?.clientAuth === 'verify';
  const missing = isRequired && judged.length === 0 ? 'the listener requires a client certificate' : undefined;
  return {
    listener,
    connection: {
      from: from ?? usualPeer(listener),
      localPort: listener?.unix ? undefined : (listener?.port ?? port),
      tls,
      chain: judged,
      authorized: fault === undefined,
    },
    handshakeFault: isRequired ? (missing ?? fault) : undefined,
    notes: [
      ...(scheme === 'https' && !tls
        ? ['No listener has TLS. The request is read as a proxy sends it after TLS.']
        : []),
      ...(chain.length > 0 && judged.length === 0
        ? ['The listener asks for no client certificate, so none is sent.']
        : []),
      ...(judged.length > 0 ? [standalone ? LISTENER_NOTE : HOST_NOTE] : []),
    ],
  };
}

/** With the PROXY protocol a peer on a Unix socket announces an address, which is the peer then. */
function usualPeer(listener: PlannedListener | undefined): string {
  return listener?.unix && !listener.proxyProtocol ? UNIX_PEER : '127.0.0.1';
}

/** The server of a host application is not in the file. */
const HOST_NOTE =
  'The TLS server of the host application decides about the certificate. It is taken as accepted, and Loom judges it by ca_file of mtls.';

const LISTENER_NOTE =
  'Loom has judged the certificate chain. On a listener OpenSSL decides, also with revocation lists, in the handshake.';

/** @throws {TypeError} The text has no certificate that can be read. */
function readChain(pem: string): readonly X509Certificate[] {
  const blocks = (pem.match(BLOCK) ?? []).slice(0, LONGEST_CHAIN);
  if (blocks.length === 0) throw new TypeError('explain: the certificate is not PEM text with a certificate');
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    throw new TypeError('explain: a certificate cannot be parsed');
  }
}

/** The listener of the port, else the first one with the scheme, else the first one. */
function listenerOf(
  listeners: readonly PlannedListener[],
  scheme: DescribedRequest['scheme'],
  port: number | undefined,
): PlannedListener | undefined {
  const fitting = listeners.filter(({ protocol }) => scheme === undefined || protocol === scheme);
  return fitting.find((each) => each.port === port) ?? fitting[0] ?? listeners[0];
}

/** Why the authorities of the listener do not accept the chain. */
function listenerFault(
  listener: PlannedListener | undefined,
  [leaf, ...above]: readonly X509Certificate[],
  now: number,
): string | undefined {
  const tls = listener?.tls;
  if (!tls || !leaf) return undefined;
  const authorities = tls.caFile === undefined ? undefined : tls.files?.get(tls.caFile);
  if (authorities === undefined || typeof authorities === 'string') return 'the ca_file of the listener cannot be read';
  const uses = leaf.keyUsage as readonly string[] | undefined;
  if (uses && !uses.includes(CLIENT_AUTH)) return 'the certificate is not for clients';
  const facts = { from: '', localPort: undefined, tls: true, chain: [leaf, ...above], authorized: true };
  const trusted = new Authorities(Buffer.from(authorities).toString()).issued(describeConnection(facts), now);
  return trusted ? undefined : 'the certificate chain does not end at a valid authority of ca_file';
}
