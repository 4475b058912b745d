/** Certificates for servers of key sets: one of a trusted authority, and some that are never trusted. */
import { readFile } from 'node:fs/promises';
import type { Answer } from '../tokens/introspection-server.js';
import { get, openGround } from './attack-ground.js';
import { statusOf } from './ask.js';
import { CertificateOffice, type Pair } from './certificates.js';
import { tlsServer } from './key-sets.js';

export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

export interface TlsPlaces {
  readonly selfSigned: TlsPair;
  readonly untrusted: TlsPair;
  readonly otherName: TlsPair;
  readonly expired: TlsPair;
  /** The status of a token at a gateway that trusts the authority, with a server that has this certificate. */
  trusting(answer: Answer, block: (origin: string) => string, token: string): Promise<number>;
  remove(): Promise<void>;
}

const CA = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign', 'subjectKeyIdentifier=hash'];
const named = (name: string): string[] => [
  'basicConstraints=CA:FALSE',
  'extendedKeyUsage=serverAuth',
  `subjectAltName=${name}`,
];
const HERE = 'DNS:localhost,IP:127.0.0.1';

export async function certificatesOf(): Promise<TlsPlaces> {
  const office = await CertificateOffice.open();
  const ca = await office.issue('ca', { subject: '/CN=Key set CA', extensions: CA });
  const read = async ({ cert, key }: Pair): Promise<TlsPair> => ({
    cert: await readFile(cert, 'utf8'),
    key: await readFile(key, 'utf8'),
  });
  const issued = async (name: string, extensions: string[], more: object = {}): Promise<TlsPair> =>
    read(await office.issue(name, { subject: '/CN=localhost', extensions, ...more }));
  const right = await issued('right', named(HERE), { issuer: ca });
  return {
    selfSigned: await issued('self', named(HERE)),
    untrusted: right,
    otherName: await issued('other', named('DNS:elsewhere.example'), { issuer: ca }),
    expired: await issued('expired', named(HERE), { issuer: ca, from: '20200101000000Z', until: '20210101000000Z' }),
    trusting: async (answer, block, token) => {
      const place = await tlsServer(right, answer);
      const ground = await openGround({
        replaceAuth: true,
        auth: `\n    jwt: ${block(place.origin)}`,
        replaceRoutes: true,
        routes: '\n  - { id: internal, path: /internal/*, upstream: backend, auth: { jwt: true } }',
        env: { NODE_EXTRA_CA_CERTS: ca.cert },
      });
      const status = statusOf(await ground.send(get('/internal/x', `Authorization: Bearer ${token}`)));
      await ground.close();
      await place.close();
      return status;
    },
    remove: () => office.remove(),
  };
}
