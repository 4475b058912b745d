/** Whether routes that are open were meant to be, and whether clients can meet what guarded routes require. */
import { isOpen, methodsOf, type Requirement } from '../../auth/requirement.js';
import type { Context } from '../context.js';
import { isOpenRoute, saysOpen } from '../open-routes.js';
import type { Draft } from '../plan/plan.js';
import { covers } from './patterns.js';
import { nameOf } from './siblings.js';

export function checkAccess(draft: Draft, context: Context): void {
  warnOfOpenRoutes(draft, context);
  if (context.mode === 'serve') checkCertificatesReach(draft, context);
  else warnOfChosenHosts(draft, context);
}

function warnOfOpenRoutes({ plan, places }: Draft, { report }: Context): void {
  plan.routes.forEach((route, at) => {
    if (!isOpenRoute(route) || saysOpen(route)) return;
    const { path, filtered = false } = route;
    const besides = filtered ? ', and its plugins need not ask for a credential' : '';
    const message = `PUBLIC: every client may send requests to ${path}${besides}; say "auth: none" if that is meant`;
    report.warning({ path: ['routes', places[at] as number], code: 'public_route', message });
  });
}

/** The client chooses `Host`: what no route matches goes on to the same host application. */
function warnOfChosenHosts({ plan, places }: Draft, { report }: Context): void {
  if (plan.unmatched) return;
  const everywhere = plan.routes.filter(({ host }) => host === undefined);
  plan.routes.forEach(({ host, upstream, requirement, pattern }, at) => {
    if (host === undefined || upstream !== undefined || isOpen(requirement)) return;
    if (everywhere.some((each) => covers(each.pattern, pattern))) return;
    const message = 'the client chooses Host: with another one the same path passes unguarded; set a chain';
    report.warning({ path: ['routes', places[at] as number, 'host'], code: 'client_chooses', message });
  });
}

/** A certificate is shown where it is asked for, and nowhere else. */
function checkCertificatesReach({ plan, places }: Draft, { report }: Context): void {
  if (plan.listeners.some(({ tls }) => tls && tls.clientAuth !== 'none')) return;
  const certified = new Set(plan.methods.filter(({ certificate }) => certificate).map(({ name }) => name));
  plan.routes.forEach((route, at) => {
    const name = methodsOf(route.requirement).find((each) => certified.has(each));
    if (name === undefined) return;
    const place = places[at] as number;
    const found = { path: ['routes', place], code: 'unreachable_method' } as const;
    const message = 'can never be satisfied: no listener asks for client certificates (tls.client_auth)';
    if (needs(route.requirement, name))
      report.error({ ...found, message: `${name} of ${nameOf({ route, place })} ${message}` });
    else report.warning({ ...found, message: `${name} ${message}` });
  });
}

/** Whether no request passes without the method. */
function needs(requirement: Requirement, name: string): boolean {
  switch (requirement.kind) {
    case 'open':
    case 'optional':
      return false;
    case 'method':
      return requirement.name === name;
    case 'any':
      return requirement.of.every((part) => needs(part, name));
    case 'all':
      return requirement.of.some((part) => needs(part, name));
  }
}
