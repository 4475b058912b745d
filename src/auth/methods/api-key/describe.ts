/** Says in one sentence why an API key is unknown, for the log. */
import { createRequire } from 'node:module';
import { ageText, listed, quoted } from '../../../lib/sentence.js';
import type { Place } from '../../credentials.js';
import { textOf } from '../../refusal-detail.js';
import type { ReasonCode } from '../../verdict.js';
import type { KnownKey } from './known-key.js';
import type * as DescribeRecord from './store/describe-record.js';
import type * as KeyText from './store/key-text.js';

const require = createRequire(import.meta.url);

/** Describes an unknown key by its place, its length and usual mistakes. */
export function describeUnknown(value: string, place: Place): string {
  // These modules load with the first denial only.
  const { isMistyped } = require('./store/key-text.js') as typeof KeyText;
  const mistakes = [
    ...(isMistyped(value) ? ['has a wrong checksum, so it was mistyped or cut'] : []),
    ...(/^["'].*["']$/.test(value) ? ['is in quotes'] : []),
    ...(/^\s|\s$/.test(value) ? ['has white space around it'] : []),
    ...(/^(?:bearer|apikey|token|basic) /i.test(value) ? ['begins with a scheme'] : []),
    ...(value.split('.').length === 3 && value.startsWith('ey') ? ['looks like a JWT'] : []),
  ];
  const about = mistakes.length === 0 ? '' : `; the value ${listed(mistakes, 'and')}`;
  return `no key with this value of ${value.length} characters in ${textOf(place)}${about}`;
}

interface Situation {
  readonly reason: ReasonCode;
  readonly address: string;
  readonly nowMs: number;
}

/** Describes why a known key does not grant. */
export function describeKnown(key: KnownKey, { reason, address, nowMs }: Situation): string {
  const { identity, record } = key;
  const name = `the key ${quoted(identity.subject)}`;
  if (reason === 'not_allowed') return `${name} does not allow the address ${address}`;
  if (record) {
    const { describeRecord } = require('./store/describe-record.js') as typeof DescribeRecord;
    return `${name} ${describeRecord(record, nowMs)}`;
  }
  return `${name} expired ${ageText(nowMs - key.expires)} ago`;
}
