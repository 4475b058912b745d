/** The `mtls` method: the client certificate, verified in the TLS handshake and checked again on each request. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { LRUCache } from 'lru-cache';
import { Strategy } from 'passport-strategy';
import { peerCertificate, type CertificateClaims, type PeerCertificate } from '../../../certificates/certificate.js';
import { isSameName, matchesAltName, readName, type NameList } from '../../../certificates/name-match.js';
import { Authorities } from '../../../certificates/authorities.js';
import { copyOf, type Identity } from '../../identity.js';
import { headerRules } from '../../header-rule.js';
import type { Finding, Method, MethodDeps, MethodStrategy } from '../../method.js';
import { FailInfo } from '../../outcome.js';
import type { Challenge, ReasonCode } from '../../verdict.js';
import { describeCertificate } from './describe.js';
import { mtlsNarrowing, mtlsOptions, type MtlsOptions } from './options.js';

function challengeOf({ realm }: MtlsOptions): Challenge {
  return { scheme: 'ClientCertificate', params: { realm } };
}

/**
 * `DNS:svc-a` becomes the subject `svc-a`. Without alternative names, the subject is the RFC 4514 name of the
 * certificate.
 */
function subjectOf({ sans, subject }: CertificateClaims): string {
  const [first] = sans;
  return first === undefined ? subject : first.slice(first.indexOf(':') + 1);
}

function identityOf(claims: CertificateClaims): Identity {
  const { subject, issuer, serial, fingerprint, sans, notAfter } = claims;
  return {
    method: 'mtls',
    subject: subjectOf(claims),
    ...(issuer === '' ? {} : { issuer }),
    scopes: [],
    claims: { subject, issuer, serial, fingerprint, sans },
    expiresAt: Math.floor(notAfter / 1_000),
  };
}

/** Distinguished names and SPIFFE IDs are longer than the subjects of other methods. */
const LONGEST_SUBJECT = 1_024;

class MtlsStrategy extends Strategy implements MethodStrategy {
  readonly ready = Promise.resolve();
  readonly name = 'mtls';
  private readonly advice = { given: false };
  private readonly authorities: Authorities | undefined;
  private readonly challenges: readonly [Challenge];
  private readonly trustsNobody: boolean;

  constructor(
    options: MtlsOptions,
    private readonly deps: MethodDeps,
  ) {
    super();
    this.challenges = [challengeOf(options)];
    this.authorities = options.ca === undefined ? undefined : new Authorities(options.ca);
    // If the CA file could not be read, no certificate is accepted.
    this.trustsNobody = options.ca_file !== undefined && !this.authorities;
  }

  override authenticate(request: IncomingMessage): void {
    const peer = peerCertificate(request.socket, this.deps.now());
    if (peer.kind === 'none') return this.fail(new FailInfo({ kind: 'absent', challenges: this.challenges }), 401);
    const refused = this.refusal(peer, request.socket);
    if (refused !== undefined) return this.reject(refused);
    const identity = identityOf((peer as PeerCertificate & { kind: 'verified' }).claims);
    if (identity.subject === '') return this.reject('subject_missing');
    if (identity.subject.length > LONGEST_SUBJECT) return this.reject('subject_invalid');
    this.success(copyOf(identity));
  }

  describe(request: IncomingMessage, reason: ReasonCode): string | undefined {
    return describeCertificate(request.socket, reason, this.deps.now());
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private refusal(peer: PeerCertificate, socket: Socket): ReasonCode | undefined {
    if (peer.kind === 'expired') return 'certificate_expired';
    if (peer.kind !== 'verified') return 'certificate_untrusted';
    if (this.trustsNobody) return 'certificate_untrusted';
    if (!this.authorities || this.authorities.issued(socket, this.deps.now())) return undefined;
    this.adviseOnce();
    return 'certificate_untrusted';
  }

  /** Logs once, because a client can repeat the cause and must not fill the log. */
  private adviseOnce(): void {
    if (this.advice.given) return;
    this.advice.given = true;
    const words = 'a verified certificate does not lead to mtls.ca_file; the file may need intermediates too';
    this.deps.log.warn({ method: 'mtls' }, words);
  }

  private reject(reason: ReasonCode): void {
    this.fail(new FailInfo({ kind: 'rejected', status: 401, reason, challenges: this.challenges }), 401);
  }
}

function findings({ ca }: MtlsOptions): readonly Finding[] {
  if (ca === undefined) return [];
  try {
    new Authorities(ca);
    return [];
  } catch (cause) {
    return [{ level: 'error', path: ['ca_file'], message: (cause as Error).message }];
  }
}

/** One value of a list is enough, and every list must match. A value that is not a list admits no caller. */
function passes(wanted: unknown, matches: (each: string) => boolean): boolean {
  return wanted === undefined || (Array.isArray(wanted) && wanted.some((each) => matches(String(each))));
}

/** The subjects of the file, parsed once. */
const subjectLists = new LRUCache<string, NameList>({ max: 10_000 });

function isSubject(wanted: string, subject: NameList | undefined): boolean {
  const list = subjectLists.get(wanted) ?? readName(wanted);
  if (!list || !subject) return false;
  subjectLists.set(wanted, list);
  return isSameName(list, subject);
}

export const mtls: Method<MtlsOptions> = {
  name: 'mtls',
  title: 'Mutual TLS',
  ambient: true,
  claims: false,
  certificate: true,
  options: mtlsOptions,
  narrowing: mtlsNarrowing,
  files: { ca_file: 'ca' },
  findings,
  unknownNames: () => [],
  places: () => [],
  headers: ({ claims_to_headers }) =>
    headerRules(claims_to_headers).map((rule) => (rule.claim === 'subject' ? { ...rule, ofSubject: true } : rule)),
  forwardsCredential: () => false,
  challenge: challengeOf,
  summary: ({ ca }) => [
    ['authorities', ca === undefined ? 'those of the listener' : `${new Authorities(ca).count} of its own`],
  ],
  voucher: (options) => options,
  judge: ({ subjects, sans, fingerprints }, { claims }) => {
    const names: readonly unknown[] = Array.isArray(claims['sans']) ? claims['sans'] : [];
    const subject = subjects === undefined ? undefined : readName(String(claims['subject']));
    const allowed =
      passes(subjects, (each) => isSubject(each, subject)) &&
      passes(sans, (each) => names.some((name) => matchesAltName(each, String(name)))) &&
      passes(fingerprints, (each) => each === claims['fingerprint']);
    return allowed ? undefined : 'not_allowed';
  },
  offline: true,
  compile: (options, deps) => new MtlsStrategy(options, deps),
};
