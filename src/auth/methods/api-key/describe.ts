/** Says in one sentence why an API key is unknown, for the log. */
import { listed } from '../../../lib/sentence.js';
import type { Place } from '../../credentials.js';
import { textOf } from '../../refusal-detail.js';

/** Describes an unknown key by its place, its length and usual mistakes. */
export function describeUnknown(value: string, place: Place): string {
  const mistakes = [
    ...(/^["'].*["']$/.test(value) ? ['is in quotes'] : []),
    ...(/^\s|\s$/.test(value) ? ['has white space around it'] : []),
    ...(/^(?:bearer|apikey|token|basic) /i.test(value) ? ['begins with a scheme'] : []),
    ...(value.split('.').length === 3 && value.startsWith('ey') ? ['looks like a JWT'] : []),
  ];
  const about = mistakes.length === 0 ? '' : `; the value ${listed(mistakes, 'and')}`;
  return `no key with this value of ${value.length} characters in ${textOf(place)}${about}`;
}
