/** Lists what a new file changes for callers: every path with another requirement, as text. */
import { isDeepStrictEqual } from '../lib/node-util.js';
import { covers, coversHost } from '../config/checks/patterns.js';
import { patternKey } from '../config/pattern.js';
import { COMMON_METHODS, NEVER_SERVED } from '../http/http-methods.js';
import { METHODS } from '../http/node-http.js';
import { isCertified, isConditional, Rules, wordsOf, type AccessRules, type Ruled } from './access-rules.js';
import { isSameRegion, routeToAdd } from './consent.js';
import { CUT_OFF, AccessComparison, type AccessChange, type ComparedAccess } from './access-comparison.js';
import { common, nameOfRegion, SamplePaths, type Region, type SamplePath } from './sample-paths.js';

export type { AccessChange } from './access-comparison.js';

/**
 * @example accessChanges(before, after)[0] // { where: '/admin/*', before: 'jwt', after: 'PUBLIC', opens: true, route: 2 }
 */
export function accessChanges(before: Ruled, after: Ruled): readonly AccessChange[] {
  const next = new Rules(after);
  const comparison = new AccessComparison(new Rules(before), next, after.plan.opens ?? []);
  const methods = methodsOf(before.plan, after.plan);
  let lines: Line[] = [];
  for (const sample of samples(before, after)) {
    for (const line of linesAt(sample, comparison, methods)) {
      if (lines.some((each) => says(each, line))) continue;
      if (line.compared.change.opens) lines = lines.filter((each) => !says(line, each));
      lines.push(line);
    }
  }
  return lines.map(({ compared: { change, region }, methods: named }) => {
    const all = named.length === methods.size;
    const where = `${all ? '' : `${named.join(',')} `}${nameOfRegion(region)}`;
    const takes = next.routes[change.route ?? -1];
    const hasOwn = change.after === CUT_OFF || (takes && isSameRegion(takes, region));
    if (!change.consent || hasOwn) return { where, ...change };
    const route = routeToAdd({ region, methods: all ? [] : named, takes });
    return { where, ...change, consent: { ...change.consent, route } };
  });
}

interface Line {
  readonly compared: ComparedAccess;
  readonly methods: readonly string[];
  /** Equal for changes that share one line. */
  readonly key: string;
}

/** Whether the known line, for a region at least as broad, already covers the other line. */
function says(known: Line, { compared: { region }, key }: Line): boolean {
  if (known.key !== key) return false;
  return covers(known.compared.region.pattern, region.pattern) && coversHost(known.compared.region.host, region.host);
}

function linesAt(sample: SamplePath, comparison: AccessComparison, methods: Methods): readonly Line[] {
  const lines = new Map<string, { readonly compared: ComparedAccess; readonly methods: string[] }>();
  for (const [name, method] of methods) {
    const compared = comparison.at(sample, method);
    if (!compared) continue;
    const known = lines.get(compared.key);
    if (known) known.methods.push(name);
    else lines.set(compared.key, { compared, methods: [name] });
  }
  return [...lines.values()].map((line) => ({ ...line, key: `${line.compared.key} ${line.methods.join()}` }));
}

/**
 * Keyed by the names in the output: the HTTP methods that a route may name, and `others` for the rest (WebDAV has
 * many).
 */
type Methods = ReadonlyMap<string, string>;

function methodsOf(...plans: readonly AccessRules[]): Methods {
  const named = new Set([
    ...COMMON_METHODS,
    ...plans.flatMap(({ routes }) => routes.flatMap(({ methods = [] }) => methods)),
  ]);
  const other = METHODS.find((method) => !named.has(method) && !NEVER_SERVED.has(method));
  const known = [...named].map((method) => [method, method] as const);
  return new Map(other === undefined ? known : [...known, ['others', other]]);
}

/**
 * A region that both tables treat the same changes nothing for callers. So one region of each pair is new, removed or
 * changed.
 */
function* samples(before: Ruled, after: Ruled): Generator<SamplePath> {
  const source = new SamplePaths([...before.plan.routes, ...after.plan.routes]);
  const [was, is] = [groupsOf(before), groupsOf(after)];
  const [gone, added] = [changed(was, is), changed(is, was)];
  yield* source.of(EVERYWHERE);
  for (const region of [...gone, ...added]) yield* source.of(region);
  for (const [ones, others] of [
    [gone, is],
    [added, was],
  ] as const) {
    for (const one of ones) {
      for (const { region } of others.values()) {
        const both = common(one, region);
        if (both) yield* source.of(both);
      }
    }
  }
}

const EVERYWHERE: Region = { pattern: { segments: [], rest: true } };

/** The routes of one host and pattern. They divide the HTTP methods in the order of the file. */
interface Group {
  readonly region: Region;
  readonly says: string[];
}

type Groups = ReadonlyMap<string, Group>;

function groupsOf(ruled: Ruled): Groups {
  const groups = new Map<string, Group>();
  const certified = isCertified(ruled);
  for (const route of ruled.plan.routes) {
    const { host, pattern, priority, methods } = route;
    const key = JSON.stringify([host, patternKey(pattern)]);
    const group = groups.get(key) ?? { region: { host, pattern }, says: [] };
    group.says.push(JSON.stringify([priority, methods, wordsOf(route), isConditional(route), certified]));
    groups.set(key, group);
  }
  return groups;
}

function changed(groups: Groups, others: Groups): readonly Region[] {
  return [...groups].flatMap(([key, { region, says }]) =>
    isDeepStrictEqual(says, others.get(key)?.says) ? [] : [region],
  );
}
