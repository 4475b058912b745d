/** Finds sample requests for every region that two route tables may treat differently. */
import { isDeepStrictEqual } from '../lib/node-util.js';
import { covers, coversHost } from '../config/checks/patterns.js';
import { patternKey } from '../config/pattern.js';
import { COMMON_METHODS, NEVER_SERVED } from '../http/http-methods.js';
import { METHODS } from '../http/node-http.js';
import type { PlannedRoute } from '../config/plan-types.js';
import { common, SamplePaths, type Region, type SamplePath } from './sample-paths.js';

/** The parts of a route that are compared, as text. */
export interface RouteWords {
  /** What decides which requests the route takes. */
  readonly place: string;
  /** What happens to these requests. */
  readonly settings: string;
}

export interface WordedRoute {
  readonly route: PlannedRoute;
  readonly words: RouteWords;
}

/**
 * A region that both tables treat the same changes nothing for callers. So one region of each pair is new, removed or
 * changed. A region with other settings only takes the same requests as before, so its own samples are enough.
 */
export function* samplesOfChanges(
  before: readonly WordedRoute[],
  after: readonly WordedRoute[],
): Generator<SamplePath> {
  const source = new SamplePaths([...before, ...after].map(({ route }) => route));
  const [was, is] = [groupsOf(before), groupsOf(after)];
  yield* source.of(EVERYWHERE);
  for (const region of [...changed(was, is, 'all'), ...changed(is, was, 'all')]) yield* source.of(region);
  const [gone, added] = [changed(was, is, 'places'), changed(is, was, 'places')];
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
  readonly places: string[];
  readonly all: string[];
}

type Groups = ReadonlyMap<string, Group>;

function groupsOf(routes: readonly WordedRoute[]): Groups {
  const groups = new Map<string, Group>();
  for (const { route, words } of routes) {
    const { host, pattern } = route;
    const key = JSON.stringify([host, patternKey(pattern)]);
    const group = groups.get(key) ?? { region: { host, pattern }, places: [], all: [] };
    group.places.push(words.place);
    group.all.push(JSON.stringify([words.place, words.settings]));
    groups.set(key, group);
  }
  return groups;
}

function changed(groups: Groups, others: Groups, words: 'places' | 'all'): readonly Region[] {
  return [...groups].flatMap(([key, group]) =>
    isDeepStrictEqual(group[words], others.get(key)?.[words]) ? [] : [group.region],
  );
}

/**
 * Keyed by the names in the output: the HTTP methods that a route may name, and `others` for the rest (WebDAV has
 * many).
 */
export type Methods = ReadonlyMap<string, string>;

export function methodsIn(routes: readonly Pick<PlannedRoute, 'methods'>[]): Methods {
  const named = new Set([...COMMON_METHODS, ...routes.flatMap(({ methods = [] }) => methods)]);
  const other = METHODS.find((method) => !named.has(method) && !NEVER_SERVED.has(method));
  const known = [...named].map((method) => [method, method] as const);
  return new Map(other === undefined ? known : [...known, ['others', other]]);
}

/** Whether the first region contains the second. */
export function coversRegion(broad: Region, narrow: Region): boolean {
  return covers(broad.pattern, narrow.pattern) && coversHost(broad.host, narrow.host);
}
