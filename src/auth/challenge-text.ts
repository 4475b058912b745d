/** Parses a `WWW-Authenticate` challenge that a host strategy wrote as text (RFC 9110 §11.6.1), in one pass. */
import type { Challenge } from './verdict.js';

/** The pattern is sticky. A search would start again at each character after a failure. */
const NAME = /[A-Za-z0-9_-]+/y;
const QUOTED = /"([^"\\]*(?:\\.[^"\\]*)*)"/sy;

/**
 * Returns the scheme and the parameters with quoted values. The function ignores everything else.
 *
 * @example parseChallenge('Digest realm="a \\"b\\"", qop=auth') // { scheme: 'Digest', params: { realm: 'a "b"' } }
 */
export function parseChallenge(text: string): Challenge {
  const space = text.indexOf(' ');
  if (space <= 0) return { scheme: text, params: {} };
  return { scheme: text.slice(0, space), params: Object.fromEntries(parametersIn(text, space)) };
}

function* parametersIn(text: string, start: number): Generator<readonly [string, string]> {
  let at = start;
  while (at < text.length) {
    const name = matchAt(NAME, text, at)?.[0];
    at += name?.length ?? 1;
    if (name === undefined && text[at - 1] === '"') at = endOfQuoted(text, at - 1);
    if (name === undefined || text[at] !== '=' || text[at + 1] !== '"') continue;
    const quoted = matchAt(QUOTED, text, at + 1);
    // An unclosed quote includes the rest of the text, so no parameter can follow.
    if (!quoted) return;
    yield [name, (quoted[1] ?? '').replace(/\\(.)/gs, '$1')];
    at += 1 + quoted[0].length;
  }
}

/** A name inside the quotes of another value is not a parameter. */
function endOfQuoted(text: string, at: number): number {
  const quoted = matchAt(QUOTED, text, at);
  return quoted ? at + quoted[0].length : text.length;
}

function matchAt(expression: RegExp, text: string, at: number): RegExpExecArray | null {
  expression.lastIndex = at;
  return expression.exec(text);
}
