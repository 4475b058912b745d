/**
 * A host that renegotiates (TLS 1.2): Node then updates whether the peer is authorized, also for another certificate.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { certificateClaims, peerCertificate } from '../../../src/certificates/certificate.js';
import { makeCertificates, type Certificates } from '../../support/certificates.js';

let made: Certificates;
beforeAll(async () => {
  made = await makeCertificates();
});
afterAll(() => made.remove());

/** The part of a TLS socket that is read: the certificate, and whether its last handshake was verified. */
class Shown extends TLSSocket {
  constructor(
    public file: string,
    authorized: boolean,
  ) {
    super(new Socket());
    this.authorized = authorized;
  }
  override getPeerX509Certificate(): X509Certificate {
    return new X509Certificate(readFileSync(this.file));
  }
}

const subjectOf = (shown: Shown): string | undefined => certificateClaims(shown)?.subject;

test('an unverified certificate does not give its name to a later one', () => {
  const shown = new Shown(made.wrongCa.cert, false);
  expect(peerCertificate(shown, Date.now()).kind).toBe('untrusted');
  [shown.file, shown.authorized] = [made.clientWithoutNames.cert, true];
  expect(subjectOf(shown)).toBe('CN=svc-b,O=Example');
});

test('a verified one keeps its name until it is no longer verified', () => {
  const shown = new Shown(made.clientWithoutNames.cert, true);
  expect(subjectOf(shown)).toBe('CN=svc-b,O=Example');
  expect(subjectOf(shown)).toBe('CN=svc-b,O=Example');
  shown.authorized = false;
  expect(subjectOf(shown)).toBe(undefined);
});
