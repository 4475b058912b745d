/** Findings about several entries of a `jwt` block that name one issuer, or nearly one. */
import { isDeepStrictEqual } from '../../../lib/node-util.js';
import { familyOf } from '../../../tokens/algorithms.js';
import type { Finding, FindingRule } from '../../method.js';
import { exactIssuers } from './issuers.js';
import type { JwtIssuer } from './issuers.js';

type Path = readonly (string | number)[];
type Report = (level: Finding['level'], path: Path, message: string, rule?: FindingRule) => void;

interface Placed {
  readonly issuer: JwtIssuer;
  readonly index: number;
}

export function judgeTwins(entries: readonly JwtIssuer[], report: Report): void {
  judgeNames(entries, report);
  const seen = new Map<string, Placed[]>();
  const bare = new Map<string, string>();
  for (const placed of entries.flatMap((entry, index) => exactIssuers(entry).map((issuer) => ({ issuer, index })))) {
    const { issuer: name } = placed.issuer;
    if (name === undefined) continue;
    const twins = seen.get(name) ?? [];
    seen.set(name, [...twins, placed]);
    for (const twin of twins) if (judgePair(twin, placed, report)) return;
    const withoutSlash = name.replace(/\/$/, '');
    if (twins.length === 0 && bare.has(withoutSlash))
      report('warning', pathOf(placed), 'differs from another issuer by a slash at the end alone', 'similar_issuers');
    bare.set(withoutSlash, name);
  }
}

function pathOf({ index }: Placed): Path {
  return ['issuers', index, 'issuer'];
}

function judgeNames(entries: readonly JwtIssuer[], report: Report): void {
  const names = new Set<string>();
  entries.forEach(({ name }, index) => {
    if (name === undefined) return;
    if (names.has(name)) report('error', ['issuers', index, 'name'], 'is used twice');
    // A route with this name would select both issuers.
    if (entries.some((other, place) => place !== index && exactIssuers(other).some(({ issuer }) => issuer === name)))
      report('error', ['issuers', index, 'name'], 'is the issuer of another entry');
    names.add(name);
  });
}

/** What may differ between two entries of one issuer: their name and the source of their keys. */
const OWN: ReadonlySet<string> = new Set<keyof JwtIssuer>([
  ...(['name', 'keys', 'sources', 'algorithms'] as const),
  ...(['ca', 'allow_insecure_http', 'jwks_max_age', 'stale_if_error'] as const),
]);

/**
 * Two entries of one issuer are one issuer with two sources of keys. The client chooses the algorithm, so it would
 * choose the less strict rules too. Returns whether an error was reported.
 */
function judgePair(first: Placed, second: Placed, report: Report): boolean {
  const fail = (message: string): true => {
    report('error', pathOf(second), message);
    return true;
  };
  if (first.index === second.index) return false;
  const families = new Set(first.issuer.algorithms.map(familyOf));
  const shared = [...new Set(second.issuer.algorithms.map(familyOf))].filter((each) => families.has(each));
  if (shared.length > 0)
    return fail(
      `is listed twice, and both entries accept ${shared.map(familyName).join(', ')}; list it once, or give each entry "algorithms" of other families`,
    );
  const [a, b] = [rulesOf(first.issuer), rulesOf(second.issuer)];
  const differing = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (option) => !OWN.has(option) && !isDeepStrictEqual(a[option], b[option]),
  );
  if (differing.length === 0) return false;
  const options = differing.map((each) => (each === 'issuer_claims' ? 'issuer' : each)).join(', ');
  return fail(
    `is listed twice with different rules (${options}); two entries of one issuer may differ in name, keys and algorithms alone`,
  );
}

function rulesOf(issuer: JwtIssuer): Readonly<Record<string, unknown>> {
  const { template, ...rules } = issuer;
  void template;
  return rules;
}

function familyName(family: string): string {
  return family === 'Ed' ? 'EdDSA' : `${family}*`;
}
