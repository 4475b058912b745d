/** Reads certificate revocation lists (RFC 5280 §5), and finds those that make OpenSSL refuse every client. */
import type { X509Certificate } from 'node:crypto';
import { DerError, members, readOne, TAG, type DerValue } from './der.js';
import { distinguishedName } from './distinguished-name.js';
import { readCertificateFields } from './fields.js';
import { isIssuer, type TrustAnchors } from './trust-anchors.js';

export interface RevocationList {
  /** RFC 4514, one ASCII line. */
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number;
  /** Undefined: the list does not expire. */
  readonly nextUpdate: number | undefined;
}

/** Throws a DerError for text that is not a revocation list. */
export function readRevocationList(pem: string): RevocationList {
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
  const [list] = members(readOne(der), TAG.sequence);
  const all = members(list, TAG.sequence);
  const [, issuer, thisUpdate, nextUpdate] = all[0]?.tag === TAG.integer ? all.slice(1) : all;
  const next = nextUpdate && isTime(nextUpdate) ? timeOf(nextUpdate) : undefined;
  return { issuer: distinguishedName(issuer), thisUpdate: timeOf(thisUpdate), nextUpdate: next };
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
