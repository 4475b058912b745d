/** The listener that a described request would reach, and what its TLS server says about the client certificate. */
import { X509Certificate } from 'node:crypto';
import { verificationFault, type Verifier } from '../../certificates/chain-verification.js';
import { readRevocationList } from '../../certificates/revocation-lists.js';
import { readAnchors } from '../../certificates/trust-anchors.js';
import { hintOf } from '../../certificates/verification-errors.js';
import type { ReasonCode } from '../../auth/verdict.js';
import { UNIX_PEER } from '../../lib/address.js';
import type { Plan, PlannedListener, PlannedTls } from '../../config/plan-types.js';
import type { DescribedRequest } from './described-request.js';
import type { ConnectionFacts } from './described-connection.js';

export interface Endpoint {
  readonly listener: PlannedListener | undefined;
  readonly connection: ConnectionFacts;
  /** Set if the TLS handshake fails, so that no request arrives. */
  readonly handshakeFault: { readonly detail: string; readonly reason: ReasonCode } | undefined;
  readonly notes: readonly string[];
}

const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
const LIST = /-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g;
const LONGEST_CHAIN = 8;

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
  const rules = listener?.tls;
  const fault = rules && chainFault(rules, judged, now);
  const isRequired = rules?.clientAuth === 'require' || rules?.clientAuth === 'verify';
  return {
    listener,
    connection: {
      from: from ?? usualPeer(listener),
      localPort: listener?.unix ? undefined : (listener?.port ?? port),
      tls,
      chain: judged,
      verificationError: fault,
    },
    handshakeFault: isRequired ? handshakeFault(judged, fault) : undefined,
    notes: [
      ...(scheme === 'https' && !tls
        ? ['No listener has TLS. The request is read as a proxy sends it after TLS.']
        : []),
      ...(chain.length > 0 && judged.length === 0
        ? ['The listener asks for no client certificate, so none is sent.']
        : []),
      ...(judged.length > 0 ? [standalone ? LISTENER_NOTE : HOST_NOTE] : []),
      ...(judged.length > 1 ? [INTERMEDIATES_NOTE] : []),
      ...(fault === UNUSABLE ? ['The ca_file or the crl_file of the listener cannot be used.'] : []),
    ],
  };
}

function handshakeFault(chain: readonly X509Certificate[], code: string | undefined): Endpoint['handshakeFault'] {
  if (chain.length === 0) return { detail: 'the listener requires a client certificate', reason: 'credential_missing' };
  if (code === undefined) return undefined;
  const hint = hintOf(code);
  const detail = `the TLS handshake is refused: ${code}${hint === undefined ? '' : ` (${hint})`}`;
  return { detail, reason: code === 'CERT_HAS_EXPIRED' ? 'certificate_expired' : 'certificate_untrusted' };
}

/** With the PROXY protocol a peer on a Unix socket announces an address, which is the peer then. */
function usualPeer(listener: PlannedListener | undefined): string {
  return listener?.unix && !listener.proxyProtocol ? UNIX_PEER : '127.0.0.1';
}

/** The server of a host application is not in the file. */
const HOST_NOTE =
  'The TLS server of the host application decides about the certificate. It is taken as accepted, and Loom judges it by ca_file of mtls.';

const INTERMEDIATES_NOTE =
  'Node 24.21 and 26.8 show a server only the certificate of the client. There ca_file of mtls must have the intermediates.';

const LISTENER_NOTE =
  'Loom has judged the certificate chain, with the revocation lists of the file. On a listener OpenSSL decides in the handshake.';

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

/** The error with which OpenSSL refuses the chain on the listener. */
function chainFault(tls: PlannedTls, [leaf, ...sent]: readonly X509Certificate[], now: number): string | undefined {
  if (!leaf) return undefined;
  const trust = trustOf(tls);
  return trust ? verificationFault([leaf, ...sent], { ...trust, now }) : UNUSABLE;
}

/** A listener with a file that cannot be used does not open. */
const UNUSABLE = 'CERT_UNTRUSTED';

function trustOf(tls: PlannedTls): Omit<Verifier, 'now'> | undefined {
  try {
    const authorities = readAnchors(textOf(tls, tls.caFile));
    if (tls.crlFile === undefined) return { authorities, lists: undefined };
    const lists = (textOf(tls, tls.crlFile).match(LIST) ?? []).map(readRevocationList);
    return lists.length === 0 ? undefined : { authorities, lists };
  } catch {
    return undefined;
  }
}

function textOf({ files }: PlannedTls, file = ''): string {
  const bytes = files?.get(file);
  return bytes === undefined || typeof bytes === 'string' ? '' : Buffer.from(bytes).toString('latin1');
}
