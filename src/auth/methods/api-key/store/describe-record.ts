/** Says in a part of a sentence why a key of a store is refused now. */
import { ageText } from '../../../../lib/sentence.js';
import { stateOf, type KeyRecord } from './key-record.js';

export function describeRecord(record: KeyRecord, nowMs: number): string {
  const ago = (then = 0): string => `${ageText(nowMs - then)} ago`;
  switch (stateOf(record, nowMs)) {
    case 'revoked':
      return `was revoked ${ago(record.revoked)}`;
    case 'replaced':
      return `was replaced, and its grace ended ${ago(record.grace_until)}`;
    case 'not_yet_valid':
      return `is not valid for ${ageText((record.not_before ?? 0) - nowMs)} yet`;
    default:
      return `expired ${ago(record.expires)}`;
  }
}
