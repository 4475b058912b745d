/** Issuers of one file that differ in spelling alone: a token matches exactly one of them. */
import { trimmedEnd } from '../../lib/trim.js';
import type { Context } from '../context.js';
import type { Plan } from '../plan-types.js';
import { AUTH } from '../plan/methods.js';
import { formatPath, type Path } from '../report.js';

interface Named {
  readonly issuer: string;
  readonly path: Path;
}

export function checkIssuers({ methods }: Pick<Plan, 'methods'>, context: Context): void {
  const first = new Map<string, Named>();
  const known = new Set(
    context.report.diagnostics.filter(({ code }) => code === 'similar_issuers').map(({ path }) => path),
  );
  const named = methods.flatMap(({ name }) => issuersOf([...AUTH, name], context));
  for (const { issuer, path } of [...named, ...issuersOfRoutes(context)]) {
    const folded = foldIssuer(issuer);
    const earlier = first.get(folded);
    if (!earlier) first.set(folded, { issuer, path });
    if (!earlier || earlier.issuer === issuer || known.has(formatPath(path))) continue;
    const message = `differs from ${quoted(earlier.issuer)} only by ${differenceOf(earlier.issuer, issuer)}; "iss" is compared exactly`;
    context.report.warning({ path, code: 'similar_issuers', message });
  }
}

const quoted = (text: string): string => JSON.stringify(text);

/** `issuer` and `issuers[].issuer` of a block. */
function issuersOf(block: Path, context: Context): readonly Named[] {
  const own = textsAt([...block, 'issuer'], context);
  const length = context.length([...block, 'issuers']) ?? 0;
  const listed = Array.from({ length }, (_, at) => textsAt([...block, 'issuers', at, 'issuer'], context));
  return [...own, ...listed.flat()];
}

/** `routes[].auth.jwt.issuers`; a name of an issuer is no URL, so it equals none. */
function issuersOfRoutes(context: Context): readonly Named[] {
  const length = context.length(['routes']) ?? 0;
  return Array.from({ length }, (_, at) =>
    context.keys(['routes', at, 'auth']).flatMap((name) => {
      const list = ['routes', at, 'auth', name, 'issuers'];
      return Array.from({ length: context.length(list) ?? 0 }, (_each, index) => textsAt([...list, index], context));
    }),
  ).flat(2);
}

function textsAt(path: Path, context: Context): readonly Named[] {
  const issuer = context.value(path);
  return typeof issuer === 'string' ? [{ issuer, path }] : [];
}

const DEFAULT_PORT = /^(https:\/\/[^/]*):443(?=\/|$)|^(http:\/\/[^/]*):80(?=\/|$)/;

const withoutSlash = (issuer: string): string => trimmedEnd(issuer, '/');
const withoutPort = (issuer: string): string => issuer.replace(DEFAULT_PORT, '$1$2');

function foldIssuer(issuer: string): string {
  return withoutPort(withoutSlash(issuer.trim().toLowerCase()));
}

function differenceOf(a: string, b: string): string {
  const differences = [
    ...((withoutSlash(a) === a) === (withoutSlash(b) === b) ? [] : ['a trailing slash']),
    ...((withoutPort(a.toLowerCase()) === a.toLowerCase()) === (withoutPort(b.toLowerCase()) === b.toLowerCase())
      ? []
      : ['the default port']),
  ];
  const plain = (issuer: string): string => withoutPort(withoutSlash(issuer.trim()));
  if (plain(a) !== plain(b)) differences.push('upper and lower case');
  return differences.length > 0 ? differences.join(' and ') : 'white space or slashes at the end';
}
