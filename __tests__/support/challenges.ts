/** A strict parser of WWW-Authenticate (RFC 9110 §11.6.1). Every client reads what it accepts. */

export interface ParsedChallenge {
  readonly scheme: string;
  /** Names in lower case. */
  readonly params: Readonly<Record<string, string>>;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+/;
const TOKEN68 = /^[A-Za-z0-9._~+/-]+=*(?= *(?:,|$))/;
/** Quoted pairs within visible ASCII, spaces and tabs. */
const QUOTED = /^"((?:[\t !#-[\]-~\x80-\xff]|\\[\t !-~\x80-\xff])*)"/;

/** Returns the challenges of one field value. Throws if it is not well-formed. */
export function parseChallenges(value: string): readonly ParsedChallenge[] {
  const challenges: ParsedChallenge[] = [];
  let rest = value;
  const fail = (): never => {
    throw new Error(`not a list of challenges: ${JSON.stringify(value)} at ${JSON.stringify(rest)}`);
  };
  /** RFC 9110 §5.6.1: senders write no empty elements. */
  const comma = (): boolean => {
    const found = take(/^ *, */);
    if (found && rest === '') fail();
    return found !== undefined;
  };
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    const found = pattern.exec(rest) ?? undefined;
    if (found) rest = rest.slice(found[0].length);
    return found;
  };
  while (rest !== '') {
    const scheme = take(TOKEN)?.[0] ?? fail();
    const params: Record<string, string> = {};
    challenges.push({ scheme, params });
    if (rest === '') break;
    if (comma()) continue;
    if (!take(/^ +/)) fail();
    if (take(TOKEN68)) {
      if (rest !== '' && !comma()) fail();
      continue;
    }
    for (;;) {
      const name = (take(TOKEN)?.[0] ?? fail()).toLowerCase();
      if (!take(/^[ \t]*=[ \t]*/)) fail();
      // RFC 9110 §11.2: a name occurs once.
      if (Object.hasOwn(params, name)) fail();
      const quoted = take(QUOTED);
      params[name] = quoted ? (quoted[1] as string).replace(/\\(.)/gs, '$1') : (take(TOKEN)?.[0] ?? fail());
      if (rest === '') break;
      if (!comma()) fail();
      // A name without `=` after it is the next scheme.
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*=/.test(rest) || TOKEN68.test(rest)) break;
    }
  }
  return challenges;
}

/** The challenges of each field of a raw response, one list for each. */
export const challengeFields = (answer: string): readonly string[] =>
  [...answer.slice(0, answer.indexOf('\r\n\r\n')).matchAll(/^www-authenticate: *(.*?) *\r?$/gim)].map(
    ([, value = '']) => value,
  );
