/** Reads certificate revocation lists (RFC 5280 §5), and finds those that make OpenSSL refuse every client. */
import { verify, type X509Certificate } from 'node:crypto';
import { DerError, expectTag, members, readOid, readOne, TAG, type DerValue } from './der.js';
import { distinguishedName } from './distinguished-name.js';
import { readCertificateFields, serialOf } from './fields.js';
import { isIssuer, type TrustAnchors } from './trust-anchors.js';

export interface RevocationList {
  /** RFC 4514, one ASCII line. */
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number;
  /** Undefined: the list does not expire. */
  readonly nextUpdate: number | undefined;
  /** Whether the list has this serial number: upper hex, whole bytes. */
  readonly revokes: (serial: string) => boolean;
  /** Whether this authority signed the list. True for an algorithm that this reader does not know. */
  readonly isSignedBy: (authority: X509Certificate) => boolean;
}

/** Throws a DerError for text that is not a revocation list. */
export function readRevocationList(pem: string): RevocationList {
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
  const [list, algorithm, signature] = members(readOne(der), TAG.sequence);
  const all = members(list, TAG.sequence);
  const [, issuer, thisUpdate, ...rest] = all[0]?.tag === TAG.integer ? all.slice(1) : all;
  const next = rest[0] && isTime(rest[0]) ? rest.shift() : undefined;
  const [revoked] = rest;
  let serials: ReadonlySet<string> | undefined;
  return {
    issuer: distinguishedName(issuer),
    thisUpdate: timeOf(thisUpdate),
    nextUpdate: next && timeOf(next),
    // A list may have many thousand entries, and most readers want only its dates.
    revokes: (serial) => (serials ??= serialsOf(revoked)).has(serial),
    isSignedBy: (authority) => isSigned({ list, algorithm, signature }, authority),
  };
}

/** RFC 5280 §5.1.2.6. A list without an entry omits the field. */
function serialsOf(revoked: DerValue | undefined): ReadonlySet<string> {
  if (revoked?.tag !== TAG.sequence) return new Set();
  return new Set(
    members(revoked, TAG.sequence).map((entry) => serialOf(expectTag(members(entry, TAG.sequence)[0], TAG.integer))),
  );
}

/** The digest of each signature algorithm. Null: the algorithm has no digest of its own. */
const DIGESTS: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.5': 'sha1',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
  '1.3.101.113': null,
};

type Parts = Readonly<Record<'list' | 'algorithm' | 'signature', DerValue | undefined>>;

function isSigned({ list, algorithm, signature }: Parts, { publicKey }: X509Certificate): boolean {
  const digest = DIGESTS[readOid(members(algorithm, TAG.sequence)[0])];
  if (digest === undefined || !list) return true;
  // The first byte of a bit string counts its unused bits.
  const bits = expectTag(signature, TAG.bitString).contents.subarray(1);
  try {
    return verify(digest, list.encoded, publicKey, bits);
  } catch {
    return false;
  }
}

const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;

const isTime = ({ tag }: DerValue): boolean => tag === UTC_TIME || tag === GENERALIZED_TIME;

/** RFC 5280 §5.1.2.4: `YYMMDDHHMMSSZ` until 2049, then `YYYYMMDDHHMMSSZ`. */
function timeOf(value: DerValue | undefined): number {
  if (!value || !isTime(value)) throw new DerError('a time expected');
  const text = value.contents.toString('latin1');
  const century = value.tag === GENERALIZED_TIME ? '' : Number(text.slice(0, 2)) < 50 ? '20' : '19';
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(century + text) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(time)) throw new DerError('a time expected');
  return time;
}

/**
 * Why the lists refuse clients of valid certificates. OpenSSL wants a current list of every authority of a chain, up to
 * its root.
 */
export function revocationFaults(
  lists: readonly RevocationList[],
  { certificates, anchors }: TrustAnchors,
  now: number,
): readonly string[] {
  const day = (time: number): string => new Date(time).toISOString().slice(0, 10);
  const faults: string[] = [];
  for (const { issuer, thisUpdate, nextUpdate } of lists) {
    if (nextUpdate !== undefined && nextUpdate <= now)
      faults.push(`the list of ${issuer} expired on ${day(nextUpdate)}; every client of this authority is refused`);
    if (thisUpdate > now)
      faults.push(`the list of ${issuer} is valid from ${day(thisUpdate)}; every client of this authority is refused`);
  }
  for (const certificate of certificates) {
    const name = nameOf(certificate);
    if (!lists.some(({ issuer }) => issuer.toLowerCase() === name.toLowerCase()))
      faults.push(`no list of ${name}; every client of this authority is refused`);
    if (anchors.includes(certificate) && !isIssuer(certificate, certificate))
      faults.push(
        `${name} is in ca_file without its root, and lists are checked up to a root; every client of this authority ` +
          'is refused; add the root to ca_file and the list of the root to crl_file',
      );
  }
  return faults;
}

function nameOf({ raw }: X509Certificate): string {
  return readCertificateFields(raw).subject;
}
