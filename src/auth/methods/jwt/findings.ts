/** Findings about a `jwt` block as a whole; messages never quote a secret or a key. */
import { impossibleClaims, isSingleClaim } from '../required-claims.js';
import { subjectFindings } from '../token-subject.js';
import { entriesOf, exactIssuers, issuersOf } from './issuers.js';
import type { JwtIssuer } from './issuers.js';
import { templateProblem, isTemplate } from './issuer-template.js';
import { judgeKeys, type Say } from './key-findings.js';
import type { Finding, FindingRule } from '../../method.js';
import type { JwtNarrowing, JwtOptions } from './options.js';
import { judgeTwins } from './twin-findings.js';
import { anchorsProblem } from '../../../certificates/trust-anchors.js';

type Path = readonly (string | number)[];
type Report = (level: Finding['level'], path: Path, message: string, rule?: FindingRule) => void;

export function findingsOf(options: JwtOptions): readonly Finding[] {
  const findings: Finding[] = [];
  const report: Report = (level, path, message, rule) =>
    void findings.push({ level, path, message, ...(rule && { rule }) });
  const entries = entriesOf(options);
  if (options.issuers && options.issuer !== undefined)
    report('error', ['issuer'], 'stands beside "issuers"; name every issuer there');
  entries.forEach((entry, index) => {
    const at = options.issuers ? ['issuers', index] : [];
    judgeEntry(entry, { at, own: options.issuers?.[index] ?? options, block: options, report });
  });
  judgeUnused(options, entries, report);
  judgeTwins(entries, report);
  judgeHeaders(entries, report);
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

function judgeEntry(entry: JwtIssuer, place: Place): void {
  const { own, report } = place;
  const say: Say = {
    warn: (option, message, rule) => report('warning', pathOf(option, place), message, rule),
    fail: (option, message) => report('error', pathOf(option, place), message),
  };
  judgeRules(entry, say);
  judgeSubject(entry, place);
  judgeClaims(entry, place);
  if (own['algorithm'] !== undefined && own['algorithms'] !== undefined)
    say.fail('algorithm', 'stands beside "algorithms"; use one of them');
  if (entry.sources.length > 1) {
    const sources = entry.sources.map((each) => JSON.stringify(each)).join(' and ');
    return say.fail(
      entry.sources[0] as string,
      `${sources} stand side by side; use one of them, or give each an entry of its own in "issuers"`,
    );
  }
  if (judgeTemplate(entry, say)) judgeKeys(entry, say);
}

function judgeRules({ issuer, audience, token_type: type, ca }: JwtIssuer, { warn, fail }: Say): void {
  if (issuer === undefined)
    warn('issuer', 'no issuer: "iss" is unchecked, tokens of ANY ISSUER are accepted', 'missing_issuer');
  // OpenID Connect Core §3.1.3.7: every client of the issuer has ID tokens of its own users.
  if (audience === undefined && type === 'id_token')
    fail('token_type', 'id_token needs "audience": the client id that the ID tokens are issued to');
  else if (audience === undefined)
    warn('audience', 'no audience: tokens for ANY AUDIENCE are accepted', 'missing_audience');
  const problem = ca === undefined ? undefined : anchorsProblem(ca);
  if (problem !== undefined) fail('ca', problem);
}

function judgeSubject(entry: JwtIssuer, place: Place): void {
  for (const { level, message } of subjectFindings(entry, entry.issuer))
    place.report(level, pathOf('subject_claim', place), message);
}

function judgeClaims(entry: JwtIssuer, place: Place): void {
  const accepted = exactIssuers(entry).flatMap(({ issuer }) => (issuer === undefined ? [] : [issuer]));
  const issuers = entry.issuer === undefined ? undefined : accepted;
  for (const { level, path, message } of impossibleClaims(entry.required_claims, issuers))
    place.report(level, [...pathOf('required_claims', place), ...path.slice(1)], message);
}

/** Whether the keys of the issuer can be judged. */
function judgeTemplate({ issuer, required_claims: required, keys, sources }: JwtIssuer, { fail }: Say): boolean {
  if (keys.kind === 'jwks' && /[{}]/.test(keys.url)) {
    fail('jwks_url', 'has a brace: only "issuer" may be a template; write the URL in full');
    return false;
  }
  if (issuer === undefined || !isTemplate(issuer)) return true;
  const problem = templateProblem(issuer, required);
  if (problem !== undefined) fail('issuer', problem);
  if (keys.kind === 'jwks') return true;
  // The keys of one tenant must not be found by a text that a token chooses.
  fail(
    'issuer',
    `is a template, which needs "jwks_url" beside it${sources.length > 0 ? ` in place of "${sources[0]}"` : ''}`,
  );
  return false;
}

/** An option that no issuer of the block reads. */
function judgeUnused(options: JwtOptions, entries: readonly JwtIssuer[], report: Report): void {
  const parts = [
    ...(options.issuers ?? []).map((own, index) => ({
      own,
      at: ['issuers', index],
      readers: entries.slice(index, index + 1),
    })),
    { own: options, at: [], readers: entries },
  ];
  for (const { own, at, readers } of parts) {
    if (own.secret_encoding !== undefined && !readers.some(({ keys }) => keys.kind === 'secret'))
      report('error', [...at, 'secret_encoding'], 'is given without a "secret"; remove it');
    const ca = own.ca_file !== undefined ? 'ca_file' : own.ca !== undefined ? 'ca' : undefined;
    if (ca !== undefined && !readers.some(({ keys }) => keys.kind === 'jwks' || keys.kind === 'discovery'))
      report('error', [...at, ca], 'is given where no key is fetched; remove it, or give "jwks_url" or "issuer" alone');
  }
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

/** Two issuers may each have a `sub` 1. The upstream cannot distinguish them by the header. */
function judgeHeaders(entries: readonly JwtIssuer[], report: Report): void {
  const feeding = new Map<string, Set<string>>();
  for (const { issuer = '', issuer_claims: filling = {}, claims_to_headers: map = {} } of entries.flatMap(
    exactIssuers,
  )) {
    // The claims that fill a template differ between its issuers too.
    const telling = ['iss', ...Object.keys(filling)];
    if (telling.some((claim) => Object.hasOwn(map, claim))) continue;
    for (const header of Object.values(map).map((each) => each.toLowerCase()))
      feeding.set(header, (feeding.get(header) ?? new Set()).add(issuer));
  }
  const shared = [...feeding].filter(([, from]) => from.size > 1).map(([header]) => header);
  if (shared.length === 0) return;
  const headers = shared.map((each) => JSON.stringify(each)).join(', ');
  const message = `several issuers feed ${headers} while "iss" is mapped to no header`;
  report('warning', ['claims_to_headers'], message, 'shared_identity');
}

/** Names and conditions of a narrowing that no token of the block can meet. */
export function narrowingFindings(options: JwtOptions, narrowing: JwtNarrowing): readonly Finding[] {
  const known = issuersOf(options);
  const names = known.flatMap(({ issuer }) => (issuer === undefined ? [] : [issuer]));
  // Without an issuer any `iss` passes, so a route may name any issuer.
  if (names.length < known.length) return impossibleClaims(narrowing.required_claims, undefined);
  const unknown = (narrowing.issuers ?? []).flatMap((wanted, index): readonly Finding[] =>
    known.some(({ issuer, name, template }) => [issuer, name, template].includes(wanted))
      ? []
      : [{ level: 'error', path: ['issuers', index], message: `no issuer is named ${JSON.stringify(wanted)}` }],
  );
  // A template represents several issuers.
  const exact = names.some((name) => name.includes('{')) ? undefined : names;
  return [...unknown, ...impossibleClaims(narrowing.required_claims, exact), ...contradictions(narrowing, known)];
}

/** Conditions on a claim with one value, where each accepted issuer demands another value. */
function contradictions({ issuers, required_claims = {} }: JwtNarrowing, known: readonly JwtIssuer[]): Finding[] {
  const accepted = known.filter(
    ({ issuer, name, template }) => !issuers || issuers.some((each) => [issuer, name, template].includes(each)),
  );
  return Object.entries(required_claims).flatMap(([claim, condition]): Finding[] => {
    if (condition === null || accepted.length === 0) return [];
    const wanted = 'all' in condition ? condition.all : condition;
    const isPossible = accepted.some(({ issuer_claims: filling = {}, required_claims: demanded }) => {
      const values = Object.hasOwn(demanded, claim) ? demanded[claim] : undefined;
      if (!values || 'all' in values || !(isSingleClaim(claim) || Object.hasOwn(filling, claim))) return true;
      return wanted.some((each) => values.includes(each));
    });
    const message = 'none of these is a value that required_claims of the issuer allows, so no token passes';
    return isPossible ? [] : [{ level: 'error', path: ['required_claims', claim], message }];
  });
}
