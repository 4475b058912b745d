/** Findings about a `jwt` block as a whole; messages never quote a secret or a key. */
import { familyOf } from '../../../tokens/algorithms.js';
import type { Algorithm } from '../../../tokens/algorithms.js';
import { keyFromText, KeyError, looksLikeKey } from '../../../tokens/verification-key.js';
import { urlProblem } from '../../../lib/tls-url.js';
import type { Finding } from '../../method.js';
import { impossibleClaims } from '../required-claims.js';
import { subjectFindings } from '../token-subject.js';
import { issuersOf } from './issuers.js';
import type { JwtIssuer } from './issuers.js';
import type { JwtNarrowing, JwtOptions } from './options.js';

type Path = readonly (string | number)[];
type Report = (level: Finding['level'], path: Path, message: string) => void;

const MIN_SECRET = 32;

export function findingsOf(options: JwtOptions): readonly Finding[] {
  const findings: Finding[] = [];
  const report: Report = (level, path, message) => void findings.push({ level, path, message });
  const issuers = issuersOf(options);
  if (options.issuers && options.issuer !== undefined)
    report('error', ['issuer'], 'stands beside "issuers"; name every issuer there');
  issuers.forEach((issuer, index) => {
    const at = options.issuers ? ['issuers', index] : [];
    judgeIssuer(issuer, { at, own: options.issuers?.[index] ?? options, block: options, report });
  });
  judgeTwins(issuers, report);
  judgeHeaders(issuers, report);
  return findings;
}

type Given = Readonly<Record<string, unknown>>;

interface Place {
  readonly at: Path;
  readonly own: Given;
  /** The block from which `own` inherits. */
  readonly block: Given;
  readonly report: Report;
}

function judgeIssuer(issuer: JwtIssuer, place: Place): void {
  const { own, report } = place;
  const warn = (option: string, message: string) => report('warning', pathOf(option, place), message);
  const fail = (option: string, message: string) => report('error', pathOf(option, place), message);
  if (issuer.issuer === undefined) warn('issuer', 'no issuer: "iss" is unchecked, tokens of ANY ISSUER are accepted');
  for (const { level, message } of subjectFindings(issuer, issuer.issuer))
    report(level, pathOf('subject_claim', place), message);
  for (const { level, path, message } of impossibleClaims(
    issuer.required_claims,
    issuer.issuer === undefined ? undefined : [issuer.issuer],
  ))
    report(level, [...pathOf('required_claims', place), ...path.slice(1)], message);
  if (issuer.audience === undefined) warn('audience', 'no audience: tokens for ANY AUDIENCE are accepted');
  if (own['algorithm'] !== undefined && own['algorithms'] !== undefined)
    fail('algorithm', 'stands beside "algorithms"; use one of them');
  if (issuer.sources.length > 1) {
    const sources = issuer.sources.map((each) => JSON.stringify(each)).join(' and ');
    return fail(issuer.sources[0] as string, `${sources} stand side by side; use one of them`);
  }
  judgeKeys(issuer, { warn, fail });
}

/**
 * The path of the option in the file, under the name that the file uses: in the issuer, or in the block it inherits
 * from.
 */
function pathOf(option: string, { at, own, block }: Place): Path {
  const names = [`${option}_file`, option, ...(option === 'algorithms' ? ['algorithm'] : [])];
  const here = names.find((name) => own[name] !== undefined);
  if (here !== undefined) return [...at, here];
  const above = names.find((name) => block[name] !== undefined);
  return above === undefined ? [...at, option] : [above];
}

type Say = (option: string, message: string) => void;

function judgeKeys({ keys, algorithms, allow_insecure_http }: JwtIssuer, { warn, fail }: { warn: Say; fail: Say }) {
  judgeAlgorithms({ secret: keys.kind === 'secret', algorithms }, fail);
  switch (keys.kind) {
    case 'none':
      return fail(
        'jwks_url',
        'is missing: give "jwks_url", "secret", "public_key" or an "issuer" to discover keys from',
      );
    case 'secret':
      if (looksLikeKey(keys.secret)) return fail('secret', 'is a key, not a shared secret; give it as "public_key"');
      if (Buffer.byteLength(keys.secret) < MIN_SECRET)
        warn('secret', `is shorter than ${MIN_SECRET} bytes: it can be guessed offline from a single token`);
      return;
    case 'public_key':
      return judgePublicKey(keys.text, { algorithms, fail });
    case 'jwks': {
      const problem = urlProblem(keys.url, allow_insecure_http);
      if (problem !== undefined) fail('jwks_url', problem);
      return;
    }
    case 'discovery': {
      const problem =
        urlProblem(keys.issuer, allow_insecure_http) ??
        (keys.issuer.includes('?') ? 'must not contain a query' : undefined);
      if (problem !== undefined) fail('issuer', `${problem}, for its keys are discovered there`);
    }
  }
}

/** A public key is known to attackers. If it were accepted as an HMAC secret, an attacker could sign tokens with it. */
function judgeAlgorithms({ secret, algorithms }: { secret: boolean; algorithms: readonly Algorithm[] }, fail: Say) {
  const wrong = algorithms.filter((each) => (familyOf(each) === 'HS') !== secret);
  if (wrong.length === 0) return;
  const why = secret ? 'a "secret" verifies HS256, HS384 and HS512 alone' : 'HS* needs a "secret"';
  fail('algorithms', `${wrong.join(', ')}: ${why}`);
}

function judgePublicKey(
  text: string | undefined,
  { algorithms, fail }: { algorithms: readonly Algorithm[]; fail: Say },
) {
  if (text === undefined) return;
  try {
    const key = keyFromText(text);
    if (!key.algorithms.some((each) => algorithms.includes(each)))
      fail('public_key', `fits ${key.algorithms.join(', ')}, of which none is among "algorithms"`);
  } catch (cause) {
    if (!(cause instanceof KeyError)) throw cause;
    fail('public_key', cause.message);
  }
}

function judgeTwins(issuers: readonly JwtIssuer[], report: Report): void {
  const seen = new Set<string>();
  const bareSeen = new Set<string>();
  const names = new Set<string>();
  issuers.forEach(({ issuer, name }, index) => {
    if (name !== undefined && names.has(name)) report('error', ['issuers', index, 'name'], 'is used twice');
    // A route with this name would select both issuers.
    if (issuers.some((other, place) => place !== index && other.issuer === name && name !== undefined))
      report('error', ['issuers', index, 'name'], 'is the issuer of another entry');
    names.add(name ?? '');
    if (issuer === undefined) return;
    const bare = issuer.replace(/\/$/, '');
    if (seen.has(issuer)) report('error', ['issuers', index, 'issuer'], 'is listed twice');
    else if (bareSeen.has(bare))
      report('warning', ['issuers', index, 'issuer'], 'differs from another issuer by a slash at the end alone');
    seen.add(issuer);
    bareSeen.add(bare);
  });
}

/** Two issuers may each have a `sub` 1. The upstream cannot distinguish them by the header. */
function judgeHeaders(issuers: readonly JwtIssuer[], report: Report): void {
  const feeding = new Map<string, number>();
  for (const { claims_to_headers: map = {} } of issuers) {
    if (Object.hasOwn(map, 'iss')) continue;
    for (const header of new Set(Object.values(map).map((each) => each.toLowerCase())))
      feeding.set(header, (feeding.get(header) ?? 0) + 1);
  }
  const shared = [...feeding].filter(([, count]) => count > 1).map(([header]) => header);
  if (shared.length === 0) return;
  const headers = shared.map((each) => JSON.stringify(each)).join(', ');
  report('warning', ['claims_to_headers'], `several issuers feed ${headers} while "iss" is mapped to no header`);
}

/** Names and conditions of a narrowing that no token of the block can meet. */
export function narrowingFindings(options: JwtOptions, narrowing: JwtNarrowing): readonly Finding[] {
  const known = issuersOf(options);
  const names = known.flatMap(({ issuer }) => (issuer === undefined ? [] : [issuer]));
  // Without an issuer any `iss` passes, so a route may name any issuer.
  if (names.length < known.length) return impossibleClaims(narrowing.required_claims, undefined);
  const unknown = (narrowing.issuers ?? []).flatMap((wanted, index): readonly Finding[] =>
    known.some(({ issuer, name }) => wanted === issuer || wanted === name)
      ? []
      : [{ level: 'error', path: ['issuers', index], message: `no issuer is named ${JSON.stringify(wanted)}` }],
  );
  // A template represents several issuers.
  const exact = names.some((name) => name.includes('{')) ? undefined : names;
  return [...unknown, ...impossibleClaims(narrowing.required_claims, exact)];
}
