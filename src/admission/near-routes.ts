/** Says in one sentence which routes nearly match a request without a route, for the log. */
import { readTarget } from '../http/target.js';
import { listed, quoted } from '../lib/sentence.js';
import type { RouteAnswer, RouteQuestion } from '../routing/route-table.js';
import type { AdmissionPolicy } from './policy.js';

/** The look-ups of one sentence are bounded, because clients cause it. */
const MOST_HOSTS = 20;

/** Returns why the route table has no route for the request, with the routes of a similar request. */
export function describeNoRoute(policy: AdmissionPolicy, question: RouteQuestion, kind: RouteAnswer['kind']): string {
  if (kind === 'excluded') return 'the routes of this path need other headers or another query';
  if (kind === 'ambiguous_fold') return 'another spelling of this path has a route with another requirement';
  const near = [...otherSpellings(policy, question), ...otherHosts(policy, question)];
  const about = near.length === 0 ? '' : `; ${listed(near, 'and')}`;
  return `no route has this path for the host ${quoted(question.host)}${about}`;
}

function otherSpellings(policy: AdmissionPolicy, question: RouteQuestion): readonly string[] {
  const target = readTarget(question.target.path.toLowerCase());
  const answer = target.kind === 'bad' ? undefined : policy.routes.find({ ...question, target });
  return answer?.kind === 'route' ? [`the route ${quoted(answer.route.id)} has it in lower case`] : [];
}

function otherHosts(policy: AdmissionPolicy, question: RouteQuestion): readonly string[] {
  const hosts = [...new Set(policy.plan.routes.flatMap(({ host }) => host ?? []))].slice(0, MOST_HOSTS);
  return hosts.flatMap((host) => {
    const answer = policy.routes.find({ ...question, host: host.replace('*', 'any') });
    return answer.kind === 'route' ? [`the route ${quoted(answer.route.id)} has it for the host ${quoted(host)}`] : [];
  });
}
