/**
 * Certificates made with openssl in their own directory: authorities, a server, and clients of every kind.
 *
 * @needs openssl
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** The content of a certificate. `issuer` is a pair made before; without it the certificate is self-signed. */
export interface Order {
  /** In the format of openssl's `-subj`: `/O=Example/CN=svc-a`. `+` joins values of one RDN. */
  readonly subject: string;
  /** Lines of an openssl extension section. */
  readonly extensions?: readonly string[];
  readonly issuer?: Pair;
  /** `YYYYMMDDHHMMSSZ`. */
  readonly from?: string;
  readonly until?: string;
  readonly key?: 'ec' | 'rsa1024' | 'rsa2048';
  readonly digest?: 'sha256' | 'sha1';
  readonly serial?: string;
}

const CA = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign', 'subjectKeyIdentifier=hash'];
export const CLIENT = ['basicConstraints=CA:FALSE', 'extendedKeyUsage=clientAuth'];
const SERVER = [
  'basicConstraints=CA:FALSE',
  'extendedKeyUsage=serverAuth',
  'subjectAltName=DNS:localhost,IP:127.0.0.1',
];
const NEW_KEY = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa1024: ['-newkey', 'rsa:1024'],
  rsa2048: ['-newkey', 'rsa:2048'],
} as const;

const CONFIG = `
oid_section = oids
[oids]
exampleAttribute = 1.3.6.1.4.1.99999.1
[req]
distinguished_name = dn
[dn]
[ca]
default_ca = own
[own]
new_certs_dir = .
database = index.txt
rand_serial = yes
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
[any]
organizationName = optional
commonName = optional
`;

/** One directory with its openssl configuration; `issue` makes one more certificate. */
export class CertificateOffice {
  private constructor(readonly dir: string) {}

  static async open(): Promise<CertificateOffice> {
    const office = new CertificateOffice(await mkdtemp(join(tmpdir(), 'loom-certificates-')));
    await writeFile(office.path('openssl.cnf'), CONFIG);
    return office;
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  async issue(name: string, order: Order): Promise<Pair> {
    const { subject, extensions = CLIENT, issuer, key = 'ec', digest = 'sha256' } = order;
    const pair = { cert: this.path(`${name}.pem`), key: this.path(`${name}-key.pem`) };
    const [csr, ext] = [this.path(`${name}.csr`), this.path(`${name}.ext`)];
    await writeFile(ext, extensions.join('\n') + '\n');
    const config = ['-config', this.path('openssl.cnf')];
    await this.openssl(
      'req',
      '-new',
      ...NEW_KEY[key],
      '-nodes',
      '-utf8',
      '-subj',
      subject,
      '-keyout',
      pair.key,
      '-out',
      csr,
      ...config,
    );
    if (order.from !== undefined || order.until !== undefined) {
      await this.#issueDated({ ...pair, csr, ext, name }, order);
      return pair;
    }
    const signer = issuer ? ['-CA', issuer.cert, '-CAkey', issuer.key] : ['-signkey', pair.key];
    const serial =
      order.serial ??
      `0x4${[...Buffer.from(name)]
        .map((byte) => byte.toString(16))
        .join('')
        .slice(0, 30)}`;
    await this.openssl(
      ...['x509', '-req', '-in', csr, '-out', pair.cert, '-days', '30', `-${digest}`, '-extfile', ext],
      ...['-set_serial', serial, ...signer],
    );
    return pair;
  }

  /** The revocation list of an authority, with these certificates. `dates` are its first and last date for openssl. */
  async revoke(
    issuer: Pair,
    revoked: readonly Pair[],
    { name = 'crl', dates }: { readonly name?: string; readonly dates?: readonly [string, string] } = {},
  ): Promise<string> {
    const own = await this.#register(name, issuer);
    for (const { cert } of revoked) await this.openssl('ca', ...own, '-revoke', cert);
    const crl = this.path(`${name}.pem`);
    const lasting = dates ? ['-crl_lastupdate', dates[0], '-crl_nextupdate', dates[1]] : [];
    await this.openssl('ca', ...own, '-gencrl', ...lasting, '-out', crl);
    return crl;
  }

  async openssl(...args: readonly string[]): Promise<string> {
    return (await run('openssl', [...args], { cwd: this.dir })).stdout;
  }

  remove(): Promise<void> {
    return rm(this.dir, { recursive: true, force: true });
  }

  async #issueDated(
    files: Pair & { csr: string; ext: string; name: string },
    { issuer, from, until }: Order,
  ): Promise<void> {
    if (!issuer) throw new TypeError('a dated certificate needs an issuer');
    const own = await this.#register(files.name, issuer);
    const dates = ['-startdate', from ?? '20200101000000Z', '-enddate', until ?? '20990101000000Z'];
    await this.openssl(
      'ca',
      '-batch',
      '-notext',
      ...own,
      '-in',
      files.csr,
      '-out',
      files.cert,
      '-extfile',
      files.ext,
      ...dates,
    );
  }

  async #register(name: string, issuer: Pair): Promise<readonly string[]> {
    const index = this.path(`${name}-index.txt`);
    const config = this.path(`${name}-ca.cnf`);
    await writeFile(index, '');
    await writeFile(config, CONFIG.replace('index.txt', index));
    return ['-config', config, '-cert', issuer.cert, '-keyfile', issuer.key];
  }
}

/** Paths of PEM files. Each pair's `cert` is what its holder sends, with intermediates if there are any. */
export interface Certificates {
  readonly office: CertificateOffice;
  readonly dir: string;
  /** The authority that servers here trust. */
  readonly ca: string;
  readonly caKey: string;
  readonly otherCa: string;
  readonly intermediateCa: string;
  readonly server: Pair;
  /** DNS:svc-a, then URI:spiffe://example/svc-a; subject CN=svc-a,O=Example. */
  readonly client: Pair;
  /** No alternative names; subject CN=svc-b,O=Example. */
  readonly clientWithoutNames: Pair;
  readonly viaIntermediate: Pair;
  readonly expired: Pair;
  readonly notYetValid: Pair;
  readonly wrongCa: Pair;
  readonly selfSigned: Pair;
  /** Only the extended key usage serverAuth. */
  readonly wrongUsage: Pair;
  readonly revoked: Pair;
  readonly crl: string;
  remove(): Promise<void>;
}

/** Makes all of these, in about a second. */
export async function makeCertificates(): Promise<Certificates> {
  const office = await CertificateOffice.open();
  const [ca, other] = await Promise.all([
    office.issue('ca', { subject: '/O=Example/CN=Example CA', extensions: CA }),
    office.issue('other-ca', { subject: '/O=Example/CN=Example CA', extensions: CA }),
  ]);
  const names = ['subjectAltName=DNS:svc-a,URI:spiffe://example/svc-a'];
  const client = { subject: '/O=Example/CN=svc-a', extensions: [...CLIENT, ...names], issuer: ca };
  const [intermediate, server, ...rest] = await Promise.all([
    office.issue('intermediate', { subject: '/O=Example/CN=Intermediate', extensions: CA, issuer: ca }),
    office.issue('server', { subject: '/CN=localhost', extensions: SERVER, issuer: ca }),
    office.issue('client', client),
    office.issue('plain', { subject: '/O=Example/CN=svc-b', issuer: ca }),
    office.issue('expired', { ...client, from: '20200101000000Z', until: '20210101000000Z' }),
    office.issue('early', { ...client, from: '20980101000000Z', until: '20990101000000Z' }),
    office.issue('wrong', { ...client, issuer: other }),
    office.issue('self', { subject: client.subject, extensions: client.extensions }),
    office.issue('usage', { ...client, extensions: SERVER }),
    office.issue('revoked', client),
  ]);
  const [own, plain, expired, early, wrong, self, usage, revoked] = rest;
  const below = await office.issue('below', { ...client, issuer: intermediate });
  await writeFile(below.cert, (await readFile(below.cert, 'utf8')) + (await readFile(intermediate.cert, 'utf8')));
  return {
    office,
    dir: office.dir,
    ca: ca.cert,
    caKey: ca.key,
    otherCa: other.cert,
    intermediateCa: intermediate.cert,
    server,
    client: own,
    clientWithoutNames: plain,
    viaIntermediate: below,
    expired,
    notYetValid: early,
    wrongCa: wrong,
    selfSigned: self,
    wrongUsage: usage,
    revoked,
    crl: await office.revoke(ca, [revoked]),
    remove: () => office.remove(),
  };
}
