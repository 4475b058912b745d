/** Finds the routes that nearly match a request without a route, for the log, the record and the explanation. */
import type { PlannedRoute } from '../config/plan-types.js';
import { listed, quoted } from '../lib/sentence.js';
import type { NearRoute } from '../auth/decision.js';
import type { RouteAnswer, RouteQuestion } from '../routing/route-table.js';
import type { AdmissionPolicy } from './policy.js';

/** The look-ups and the results are bounded, because clients cause them. */
const MOST_HOSTS = 20;
const MOST_ROUTES = 8;

export function nearRoutes(
  policy: AdmissionPolicy,
  question: RouteQuestion,
  answer: RouteAnswer,
): readonly NearRoute[] {
  const near =
    answer.kind === 'none'
      ? [...spelled(policy.routes.otherSpelling(question)), ...otherHosts(policy, question)]
      : ofPath(answer);
  return near.slice(0, MOST_ROUTES);
}

/** The routes of the path that do not take the request. */
function ofPath(answer: RouteAnswer): readonly NearRoute[] {
  if (answer.kind === 'method_not_allowed')
    return answer.near.map(({ id, methods }) => ({
      route: id,
      differs: 'http_method',
      has: methods ? listed([...methods], 'and') : 'the usual HTTP methods',
    }));
  if (answer.kind === 'ambiguous_fold') return spelled(answer.other);
  if (answer.kind !== 'excluded') return [];
  return answer.near.map((route) => ({ route: route.id, differs: 'conditions', has: conditionsOf(route) }));
}

function conditionsOf({ headers, query }: PlannedRoute): string {
  const names = [...headers.map(({ name }) => `header ${name}`), ...query.map(({ name }) => `query parameter ${name}`)];
  return listed(names, 'and');
}

const spelled = (route: PlannedRoute | undefined): readonly NearRoute[] =>
  route ? [{ route: route.id, differs: 'path', has: route.path }] : [];

function otherHosts(policy: AdmissionPolicy, question: RouteQuestion): readonly NearRoute[] {
  return hostsOf(policy.plan.routes).flatMap((host): NearRoute[] => {
    const answer = policy.routes.find({ ...question, host: host.replace('*', 'any') });
    return answer.kind === 'route' ? [{ route: answer.route.id, differs: 'host', has: host }] : [];
  });
}

/** The hosts of a list of routes. A client causes a look-up with each request. */
const hosts = new WeakMap<readonly PlannedRoute[], readonly string[]>();

function hostsOf(routes: readonly PlannedRoute[]): readonly string[] {
  let known = hosts.get(routes);
  if (!known) hosts.set(routes, (known = [...new Set(routes.flatMap(({ host }) => host ?? []))].slice(0, MOST_HOSTS)));
  return known;
}

/** Returns why the route table has no route for the request, with the routes that nearly match. */
export function describeNoRoute(
  { host }: RouteQuestion,
  kind: RouteAnswer['kind'],
  near: readonly NearRoute[],
): string {
  if (kind === 'excluded') return 'the routes of this path need other headers or another query';
  const about = near.length === 0 ? '' : `; ${listed(near.map(wordsOf), 'and')}`;
  if (kind === 'ambiguous_fold') return `another spelling of this path has a route with another requirement${about}`;
  return `no route has this path for the host ${quoted(host)}${about}`;
}

function wordsOf({ route, differs, has }: NearRoute): string {
  const what = differs === 'path' ? 'has the path' : 'has this path for the host';
  return `the route ${quoted(route)} ${what} ${quoted(has)}`;
}
