/** The options of a new key, and the record that they make. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { parseBlock } from '../../../../lib/address.js';
import { looksLikeJws } from '../../../../lib/jws-form.js';
import type { Rate } from '../../../identity.js';
import { RATE_FORMS, rateField } from '../../../rate.js';
import { parseExpiry } from '../options.js';
import type { KeyRecord } from './key-record.js';
import { metadataObject, nameText, recordFault, scopeText } from './record-schema.js';
import { KeyStoreError } from './key-store.js';
import { hintOf, isMistyped, isPrefix, keyDigestOf } from './key-text.js';

const TIME = 'must be an RFC 3339 date or date-time, such as "2027-01-31"';
const LAST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
/** As milliseconds these are days of 1970 to 1973. As seconds, which other programs use, they are this century. */
const LIKE_SECONDS = { from: 100_000_000, below: 100_000_000_000 };

const time = () =>
  z
    .union(
      [
        z.date().transform((date) => date.getTime()),
        z.int(),
        z
          .string()
          .refine((text) => parseExpiry(text) !== undefined, { error: TIME })
          .transform((text) => parseExpiry(text) as number),
      ],
      { error: TIME },
    )
    .refine((ms) => ms >= 0 && ms <= LAST, { error: 'must be milliseconds since 1970, and before the year 10000' })
    .refine((ms) => ms < LIKE_SECONDS.from || ms >= LIKE_SECONDS.below, {
      error: 'must be milliseconds; this number is a time of this century in seconds',
    });

const block = () =>
  z.string().refine((text) => parseBlock(text) !== undefined, { error: 'must be an IP address or a CIDR block' });

/** A rate as a person writes it, or as a record has it. */
const rateOrRecord = () =>
  z.union(
    [
      z.strictObject({ rate: z.number().positive(), perMs: z.int().min(1), burst: z.int().min(1) }),
      rateField() as z.ZodType<Rate>,
    ],
    { error: RATE_FORMS },
  );

const object = <T extends z.ZodRawShape>(shape: T) =>
  z.strictObject(shape, { error: ({ code }) => (code === 'invalid_type' ? 'must be an object' : undefined) });

const conditions = {
  name: nameText(),
  expires: time().optional(),
  not_before: time().optional(),
  scopes: z.array(scopeText()).max(256).default([]),
  metadata: metadataObject().default({}),
  rate_limit: rateOrRecord().optional(),
  allowed_ips: z.array(block()).max(256).optional(),
};

const isBefore = ({ not_before = 0, expires = Infinity }: { not_before?: number; expires?: number }): boolean =>
  not_before < expires;

const NEVER = { path: ['not_before'], error: 'must be before "expires": the key would never be valid' };

const newKey = object({
  ...conditions,
  prefix: z
    .string()
    .refine(isPrefix, { error: 'must be lower-case letters, digits and single underscores, at most 32 characters' })
    .optional(),
}).refine((each) => isBefore(each), NEVER);

const imported = object({
  ...conditions,
  key: z
    .string()
    .min(1)
    .max(512)
    .regex(/^[\x21-\x2b\x2d-\x7e]*$/, 'must be visible ASCII without spaces and commas')
    .optional(),
  key_hash: z
    .string()
    .regex(/^sha256:[0-9a-fA-F]{64}$/, 'must be "sha256:" and 64 hex digits')
    .optional(),
  id: z.uuid().optional(),
  hint: z.string().max(16).optional(),
  created: time().optional(),
  revoked: time().optional(),
  replaced_by: z.uuid().optional(),
  grace_until: time().optional(),
  last_used: time().optional(),
})
  .refine((each) => (each.key === undefined) !== (each.key_hash === undefined), {
    error: 'must have exactly one of "key" and "key_hash"',
  })
  .refine(({ key = '' }) => !looksLikeJws(key), {
    path: ['key'],
    error: 'has the form of a token, which is never a key',
  })
  .refine(({ key = '' }) => !isMistyped(key), { path: ['key'], error: 'has a wrong checksum: it was mistyped or cut' });

/** Throws a KeyStoreError that names the wrong option. Values are not repeated, because one may be a key. */
export function parsed<T>(schema: z.ZodType<T>, given: unknown): T {
  const outcome = schema.safeParse(given);
  if (outcome.success) return outcome.data;
  const words = outcome.error.issues.map(({ path, code, message, ...rest }) => {
    const named = 'keys' in rest ? `unknown member ${rest.keys.map((key) => JSON.stringify(key)).join(', ')}` : message;
    const place = path.map((each) => (/^[\w-]+$/.test(String(each)) ? String(each) : JSON.stringify(each)));
    return [...(path.length > 0 ? [place.join('.')] : []), code === 'unrecognized_keys' ? named : message].join(': ');
  });
  throw new KeyStoreError('invalid', words.join('; '));
}

type Conditions = Omit<KeyRecord, 'id' | 'digest' | 'hint' | 'created'>;

/** Members without a value are absent from a record. */
function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const members = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(members) as { [K in keyof T]: Exclude<T[K], undefined> };
}

/** A record that a lookup would refuse must not be added. */
function readable(made: KeyRecord): KeyRecord {
  const fault = recordFault(made);
  if (fault !== undefined) throw new KeyStoreError('invalid', fault);
  return made;
}

export interface ReadNewKey {
  readonly conditions: Conditions;
  readonly prefix: string | undefined;
}

export function readNewKey(given: unknown): ReadNewKey {
  const { prefix, ...rest } = parsed(newKey, given);
  return { conditions: withoutUndefined(rest), prefix };
}

export interface ReadImport {
  readonly record: KeyRecord;
  /** Absent if the line has only a digest. */
  readonly key: string | undefined;
}

/** The record of one line of an import. */
export function readImport(given: unknown, nowMs: number): ReadImport {
  const { key, key_hash = '', ...rest } = parsed(imported, given);
  const digest = key === undefined ? key_hash.slice('sha256:'.length).toLowerCase() : keyDigestOf(key);
  const hint = key === undefined ? '' : hintOf(key);
  const record = readable({ id: randomUUID(), hint, created: nowMs, ...withoutUndefined(rest), digest });
  return { record, key };
}

export function recordOfKey(conditions: Conditions, key: string, nowMs: number): KeyRecord {
  return readable({
    ...conditions,
    id: randomUUID(),
    digest: keyDigestOf(key),
    hint: hintOf(key),
    created: nowMs,
  });
}
