/** The identity from a plugin: its identity headers, and the properties `auth.subject` and `auth.claims.*`. */
import type { PluginDecision } from '../../../wasm/decision.js';
import { decodedText } from '../../../wasm/properties.js';
import { hasControlCharacter } from '../../../lib/control-character.js';
import type { Identity } from '../../identity.js';

/** The bytes of most values are their text. */
const ASCII = /^[ -~]*$/;

interface Continued {
  readonly decision: PluginDecision & { readonly kind: 'continue' };
  /** The names of the identity headers, in lower case and in the order of the file. */
  readonly allowed: ReadonlySet<string>;
}

/** Returns undefined if the plugin set no identity header, or if the subject is not valid. */
export function pluginIdentity(method: string, { decision, allowed }: Continued): Identity | undefined {
  const headers = new Map<string, string[]>();
  for (const [name, value] of decision.set) {
    if (!allowed.has(name) || value === '') continue;
    const text = ASCII.test(value) ? value : (decodedText(Buffer.from(value, 'latin1')) ?? '');
    headers.set(name, [...(headers.get(name) ?? []), text]);
  }
  // In the order of the file. The name must not depend on the order in which the plugin set the headers.
  const naming = [...allowed].find((name) => headers.has(name));
  const [first] = headers.get(naming ?? '') ?? [];
  // The header of the subject must reach the upstream. Another header, such as a group, never replaces it as the name.
  if (first === undefined || !canBeSaid(headers.get(naming ?? '') ?? [])) return undefined;
  for (const [name, values] of headers) if (!canBeSaid(values)) headers.delete(name);
  const subject = decision.subject ?? first;
  if (subject.length < 1 || subject.length > 256) return undefined;
  const values = [...headers].map(([name, [only, ...more]]) => [name, more.length === 0 ? only : [only, ...more]]);
  const claims = { ...decision.claims, ...(Object.fromEntries(values) as Identity['claims']) };
  return { method, subject, scopes: [], claims };
}

/** Whether the plugin set an identity header or a subject, valid or not. */
export function saysWhoCalls({ set, subject }: Continued['decision'], allowed: ReadonlySet<string>): boolean {
  return subject !== undefined || set.some(([name, value]) => allowed.has(name) && value !== '');
}

const LONGEST_VALUE = 4_096;

/** Whether the upstream can receive the header. A header that is omitted identifies no caller. */
function canBeSaid(values: readonly string[]): boolean {
  const said = values.map((text) => (/^[ -$&-~]*$/.test(text) ? text : encodeURIComponent(text)));
  const isList = values.length > 1;
  const isPlain = values.every((text) => text !== '' && !hasControlCharacter(text) && !(isList && text.includes(',')));
  return isPlain && said.join(',').length <= LONGEST_VALUE;
}
