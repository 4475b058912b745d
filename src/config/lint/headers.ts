/** Identity headers of the file that no request ever carries to an upstream. */
import { foldName } from '../../http/header-policy.js';
import { methodsOf, type Requirement } from '../../auth/requirement.js';
import type { Context } from '../context.js';
import type { Plan, PlannedMethod } from '../plan-types.js';
import { AUTH } from '../plan/methods.js';
import type { Path } from '../report.js';

type Facts = Pick<Plan, 'methods' | 'routes' | 'unmatched' | 'listeners'>;

export function checkHeaders(plan: Facts, context: Context): void {
  if (plan.routes.length === 0) return;
  const requirements = [
    ...plan.routes.map(({ requirement }) => requirement),
    ...(plan.unmatched ? [plan.unmatched] : []),
  ];
  const used = new Set(requirements.flatMap(methodsOf));
  for (const method of plan.methods) {
    if (used.has(method.name)) checkIssuerMaps(method, requirements, context);
    else for (const path of mapsOf(method, context)) warnUnused(path, method, context);
  }
  checkCertificateHeaders(plan, requirements, context);
}

function warnUnused(path: Path, { name }: PlannedMethod, { report }: Context): void {
  report.warning({
    path,
    code: 'unsent_header',
    message: `no route requires ${name}, so no upstream gets these headers`,
  });
}

/** The maps of headers that a block of the file has. */
export function mapsOf({ name, type }: PlannedMethod, context: Context): readonly Path[] {
  const block = [...AUTH, name];
  const issuers = Array.from({ length: context.length([...block, 'issuers']) ?? 0 }, (_, at) => at);
  const plugins = Array.from({ length: context.length(['plugins']) ?? 0 }, (_, at) => at);
  const maps = [
    [...block, 'claims_to_headers'],
    ...issuers.map((at) => [...block, 'issuers', at, 'claims_to_headers']),
    ...plugins
      .filter((at) => type === 'plugin' && context.value(['plugins', at, 'name']) === name)
      .map((at) => ['plugins', at, 'identity_headers']),
  ];
  return maps.filter((path) => context.keys(path).length > 0 || (context.length(path) ?? 0) > 0);
}

/** The map of an issuer replaces the map of the block. A route may exclude an issuer. */
function checkIssuerMaps({ name }: PlannedMethod, requirements: readonly Requirement[], context: Context): void {
  const block = [...AUTH, name];
  const length = context.length([...block, 'issuers']) ?? 0;
  const issuers = Array.from({ length }, (_, at) => [...block, 'issuers', at]);
  if (length === 0) return;
  const { report } = context;
  const common = [...block, 'claims_to_headers'];
  const own = issuers.filter((path) => context.keys([...path, 'claims_to_headers']).length > 0);
  if (context.keys(common).length > 0 && own.length === length) {
    const message = 'every issuer has its own claims_to_headers, so no upstream gets these headers';
    report.warning({ path: common, code: 'unsent_header', message });
  }
  const accepted = acceptedIssuers(requirements.flatMap((each) => narrowingsOf(each, name)));
  for (const path of accepted ? own : []) {
    const names = [context.value([...path, 'issuer']), context.value([...path, 'name'])];
    if (names.some((each) => typeof each === 'string' && accepted?.has(each))) continue;
    const message = 'no route accepts this issuer, so no upstream gets these headers';
    report.warning({ path: [...path, 'claims_to_headers'], code: 'unsent_header', message });
  }
}

/** Undefined: some route accepts every issuer. */
function acceptedIssuers(narrowings: readonly unknown[]): ReadonlySet<unknown> | undefined {
  if (!narrowings.every(Array.isArray)) return undefined;
  return new Set(narrowings.flat());
}

/** The `issuers` of each use of a method. */
function narrowingsOf(requirement: Requirement, name: string): readonly unknown[] {
  switch (requirement.kind) {
    case 'open':
      return [];
    case 'method':
      return requirement.name === name ? [requirement.narrow?.['issuers']] : [];
    case 'optional':
      return narrowingsOf(requirement.of, name);
    case 'any':
    case 'all':
      return requirement.of.flatMap((part) => narrowingsOf(part, name));
  }
}

/** Claims that every identity has. */
const ALWAYS: ReadonlySet<string> = new Set(['sub', 'name', 'username']);

/** The header of an identity replaces the header of a certificate. */
function checkCertificateHeaders(plan: Facts, requirements: readonly Requirement[], context: Context): void {
  plan.listeners.forEach(({ tls }, at) => {
    tls?.clientCertHeaders.forEach(({ claim, header }) => {
      const setters = plan.methods.filter(
        ({ certificate, headers }) =>
          !certificate && headers.some((each) => ALWAYS.has(each.claim) && foldName(each.header) === foldName(header)),
      );
      const names = new Set(setters.map(({ name }) => name));
      if (names.size === 0 || !requirements.every((each) => always(each, names))) return;
      const path = ['listeners', at, 'tls', 'client_cert_headers', claim];
      const message = `${[...names].join(' or ')} sets ${header} on every route, which replaces this one`;
      context.report.warning({ path, code: 'unsent_header', message });
    });
  });
}

/** Whether one of the methods has granted each request that passes. */
function always(requirement: Requirement, names: ReadonlySet<string>): boolean {
  switch (requirement.kind) {
    case 'open':
    case 'optional':
      return false;
    case 'method':
      return names.has(requirement.name);
    case 'any':
      return requirement.of.every((part) => always(part, names));
    case 'all':
      return requirement.of.some((part) => always(part, names));
  }
}
