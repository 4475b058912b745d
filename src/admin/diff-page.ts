/** The page on which an operator compares a file with the configuration in use. */
import { createRequire } from 'node:module';
import type { Plan } from '../config/plan-types.js';
import type { ComparisonOutcome } from '../difference/comparison-outcome.js';
import { json, type AdminPage, type Page } from './page.js';
import type * as Comparisons from './plan-comparisons.js';
import { inShort } from './reloads.js';
import type { WorkerChannel } from './worker-channel.js';

const require = createRequire(import.meta.url);

/** A plan of 1,000 routes has about 1 MiB. */
const LARGEST_PLAN = 8 * 1_048_576;

interface DiffSources {
  readonly plan: () => Plan;
  readonly channel: WorkerChannel;
}

/** GET: one half of a key. POST: the other half, and the plan with its secrets under this key. */
export function diffPage({ plan, channel }: DiffSources): AdminPage {
  let known: Comparisons.PlanComparisons | undefined;
  const comparisons = (): Comparisons.PlanComparisons => {
    const { PlanComparisons } = require('./plan-comparisons.js') as typeof Comparisons;
    return (known ??= new PlanComparisons(plan, Date.now));
  };
  // Another process may have made the offer.
  channel.answer('difference', (posted) => comparisons().compare(posted));
  return {
    path: '/diff',
    role: 'operator',
    methods: ['GET', 'POST'],
    maxBody: LARGEST_PLAN,
    answer: ({ method, body }) => (method === 'GET' ? json(200, comparisons().offer()) : compared(channel, body)),
  };
}

type Refusal = Exclude<ComparisonOutcome['kind'], 'compared'>;

const REFUSALS: Readonly<Record<Refusal, Page>> = {
  unknown_offer: json(409, { error: 'the offer is unknown or older than a minute: ask again' }),
  wrong_plan: json(400, { error: 'the body is no plan of this version of loom-auth' }),
  too_many_routes: json(413, { error: 'too many routes to compare in a running gateway: compare two files instead' }),
  too_many_guesses: json(429, { error: 'too many secrets that the gateway does not have: try again in an hour' }),
};

async function compared(channel: WorkerChannel, body: unknown): Promise<Page> {
  const [found, state] = await Promise.all([channel.ask('difference', body), channel.ask('reloads', null)]);
  const outcome = found.answers.find(({ kind }) => kind !== 'unknown_offer') ?? { kind: 'unknown_offer' };
  if (outcome.kind !== 'compared') return REFUSALS[outcome.kind];
  const { changes, differences } = outcome;
  const [own, ...others] = state.answers;
  const generations = new Set(state.answers.map(({ generation }) => generation));
  const processes = { generation: own?.generation, others: others.map(inShort), missing: state.missing };
  return json(200, { changes, differences, agree: generations.size === 1 && state.missing.length === 0, ...processes });
}
