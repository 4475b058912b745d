/** Compares the options of the routes that may take one request, option by option. */
import type { ComparableRoute } from './comparable.js';
import type { Difference } from './compare-trees.js';
import type { LeafTree } from './tree.js';

/** The routes that may take a request, in their order. The last one has no conditions, or the answer is 404. */
export interface Candidates {
  readonly routes: readonly ComparableRoute[];
  /** The answer if no route takes the request. Absent: the last route takes every request. */
  readonly otherwise?: string;
}

export interface OptionChange {
  readonly line: Omit<Difference, 'where' | 'change'>;
  /** Equal for changes that share one line. */
  readonly key: string;
}

/** The name of the target among the options. */
const TARGET = 'upstream';

export function compareCandidates(before: Candidates, after: Candidates): readonly OptionChange[] {
  const changes = changeOf(TARGET, stepsOf(TARGET, before), stepsOf(TARGET, after));
  // The options of a route that is gone have no effect: the request is answered 404.
  if (after.routes.length === 0) return changes;
  const names = new Set([...before.routes, ...after.routes].flatMap(({ settings }) => Object.keys(settings)));
  return [...changes, ...[...names].flatMap((name) => changeOf(name, stepsOf(name, before), stepsOf(name, after)))];
}

/** A value of an option, and the conditions of the requests that have it. */
interface Step {
  /** Absent: all other requests. */
  readonly conditions?: { readonly equal: string; readonly shown: string } | undefined;
  /** Absent: the route does not set the option. */
  readonly leaf?: LeafTree | undefined;
}

function stepsOf(option: string, { routes, otherwise }: Candidates): readonly Step[] {
  const steps = routes.map(({ conditions, target, settings }): Step => {
    return { conditions, leaf: option === TARGET ? target : leafOf(settings, option) };
  });
  if (option === TARGET && otherwise !== undefined) {
    steps.push({ leaf: { in: ['routing'], equal: otherwise, shown: otherwise } });
  } else if (otherwise !== undefined) {
    // Requests that meet no condition reach no route, so the option of the last route is that of all other requests.
    const last = steps.pop();
    steps.push({ leaf: last?.leaf });
  }
  // A condition whose value is that of all other requests has no effect.
  while (steps.length > 1 && equalOf(steps.at(-2)) === equalOf(steps.at(-1))) steps.splice(-2, 1);
  return steps;
}

function leafOf(settings: ComparableRoute['settings'], option: string): LeafTree | undefined {
  return Object.hasOwn(settings, option) ? settings[option] : undefined;
}

/** An option that is not set has the usual value. */
function equalOf(step: Step | undefined): string | undefined {
  return step?.leaf?.usual ? undefined : step?.leaf?.equal;
}

function changeOf(option: string, before: readonly Step[], after: readonly Step[]): readonly OptionChange[] {
  const [was, is] = [before, after].map((steps) =>
    JSON.stringify(steps.map((step) => [step.conditions?.equal, equalOf(step)])),
  );
  const leaf = [...after, ...before].map((step) => step.leaf).find((each) => each !== undefined);
  if (was === is || !leaf) return [];
  const words = [before, after].map((steps) => steps.map(textOf).join(', else '));
  const same = words[0] === words[1] ? ' (the conditions have other values)' : '';
  const values = { before: words[0] ?? '', after: `${words[1] ?? ''}${same}` };
  const seen = leaf.unseen !== true;
  return leaf.in.map((each) => ({
    line: { class: each, option, ...values, seen },
    key: JSON.stringify([option, each, was, is]),
  }));
}

const textOf = ({ conditions, leaf }: Step): string =>
  `${leaf?.shown ?? 'not set'}${conditions ? ` where ${conditions.shown}` : ''}`;
