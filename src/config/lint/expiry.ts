/** Keys, certificates and revocation lists of the file that have ended, or end soon. */
import { X509Certificate } from 'node:crypto';
import { readRevocationList } from '../../certificates/revocation-lists.js';
import { parseExpiry } from '../../auth/methods/api-key/options.js';
import type { Context } from '../context.js';
import type { Diagnostic } from '../diagnostics.js';
import { formatPath, type Path } from '../report.js';

const DAY = 86_400_000;
const SOON = 30 * DAY;

/** When something ends, and when its life began, if that is known. Milliseconds since the epoch. */
interface Life {
  readonly what: string;
  readonly from?: number;
  readonly until: number;
}

interface Clock {
  /** Findings about the same files. */
  readonly known: readonly Diagnostic[];
  readonly now: number;
}

export function checkExpiry(context: Context, { known, now }: Clock): void {
  const reported = new Set(known.map(({ path }) => path));
  for (const [path, value] of context.scalars()) {
    if (typeof value !== 'string') continue;
    const lives = livesIn({ path, value }, context);
    const ended = lives.filter(({ until }) => until <= now);
    const ending = lives.filter((life) => life.until > now && isSoon(life, now));
    if (ended.length > 0 && !reported.has(formatPath(path)))
      context.report.warning({ path, code: 'expired', message: ended.map((life) => pastText(life)).join('; ') });
    if (ending.length > 0)
      context.report.note({
        path,
        code: 'expires_soon',
        message: ending.map((life) => soonText(life, now)).join('; '),
      });
  }
}

/** A certificate of a day is renewed within that day, so 30 days are no measure for it. */
function isSoon({ from, until }: Life, now: number): boolean {
  return until - now <= Math.min(SOON, from === undefined ? SOON : (until - from) / 3);
}

const day = (time: number): string => new Date(time).toISOString().slice(0, 10);
const pastText = ({ what, until }: Life): string => `${what} expired on ${day(until)}`;

function soonText({ what, until }: Life, now: number): string {
  const days = Math.floor((until - now) / DAY);
  return `${what} expires on ${day(until)}, ${days === 0 ? 'within a day' : days === 1 ? 'in 1 day' : `in ${days} days`}`;
}

interface Scalar {
  readonly path: Path;
  readonly value: string;
}

function livesIn({ path, value }: Scalar, context: Context): readonly Life[] {
  const key = path.findLast((part) => typeof part === 'string');
  if (key === 'expires' && path.includes('keys')) return keyLife(value);
  if (key?.endsWith('_file')) return fileLives(value, context);
  return value.includes('-----BEGIN ') ? pemLives(value, 'the certificate') : [];
}

function keyLife(text: string): readonly Life[] {
  const until = parseExpiry(text);
  return until === undefined ? [] : [{ what: 'the key', until }];
}

function fileLives(file: string, context: Context): readonly Life[] {
  const bytes = context.source.readBytesBeside(file);
  return typeof bytes === 'string' ? [] : pemLives(Buffer.from(bytes).toString('latin1'), file);
}

const BLOCK = /-----BEGIN (CERTIFICATE|X509 CRL)-----[^-]+-----END \1-----/g;

/** A file may be a bundle. A block that cannot be read is the concern of other rules. */
function pemLives(text: string, name: string): readonly Life[] {
  const blocks = [...text.matchAll(BLOCK)];
  return blocks.flatMap(([pem, kind], at): readonly Life[] => {
    const what = blocks.length === 1 ? name : `${name} (block ${at + 1})`;
    try {
      return kind === 'CERTIFICATE' ? [certificateLife(pem, what)] : listLife(pem, what);
    } catch {
      return [];
    }
  });
}

function certificateLife(pem: string, what: string): Life {
  const { validFromDate, validToDate } = new X509Certificate(pem);
  return { what, from: validFromDate.getTime(), until: validToDate.getTime() };
}

function listLife(pem: string, what: string): readonly Life[] {
  const { thisUpdate, nextUpdate } = readRevocationList(pem);
  return nextUpdate === undefined ? [] : [{ what, from: thisUpdate, until: nextUpdate }];
}
