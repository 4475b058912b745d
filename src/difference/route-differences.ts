/** Compares what happens to the requests of each path, whatever the routes are called and in whatever order they are. */
import { methodsServed } from '../config/checks/groups.js';
import { readTarget } from '../http/target.js';
import { CHANGE_CLASSES } from '../lib/change-classes.js';
import {
  coversRegion,
  methodsIn,
  samplesOfChanges,
  type Methods,
  type WordedRoute,
} from '../routing/changed-regions.js';
import { HostTrees, normalHost } from '../routing/host-trees.js';
import { compileRoute } from '../routing/route-table.js';
import { nameOfRegion, type Region, type SamplePath } from '../routing/sample-paths.js';
import type { Comparable, ComparableRoute } from './comparable.js';
import type { Difference } from './compare-trees.js';
import { compareCandidates, type Candidates, type OptionChange } from './option-changes.js';

export function routeDifferences(before: Comparable, after: Comparable): readonly Difference[] {
  const [was, is] = [new Table(before), new Table(after)];
  const methods = methodsIn([...before.rules.routes, ...after.rules.routes]);
  const lines = new Map<string, Line[]>();
  for (const sample of samplesOfChanges(was.worded, is.worded)) {
    for (const line of linesAt(sample, { was, is, methods })) {
      const key = `${line.change.key} ${line.methods.join()}`;
      const known = lines.get(key) ?? [];
      if (known.some(({ region }) => coversRegion(region, line.region))) continue;
      lines.set(key, [...known.filter(({ region }) => !coversRegion(line.region, region)), line]);
    }
  }
  return inOrder([...lines.values()].flat().map((line) => differenceOf(line, methods.size)));
}

interface Line {
  readonly change: OptionChange;
  readonly region: Region;
  readonly methods: readonly string[];
}

interface Tables {
  readonly was: Table;
  readonly is: Table;
  readonly methods: Methods;
}

/** Most HTTP methods of a path have the same routes, so these are compared once. */
function linesAt(sample: SamplePath, { was, is, methods }: Tables): readonly Line[] {
  const compared = new Map<string, readonly OptionChange[]>();
  const found = new Map<string, Line & { readonly methods: string[] }>();
  for (const [name, method] of methods) {
    const [old, next] = [was.at(sample, method), is.at(sample, method)];
    const pair = `${old.key} ${next.key}`;
    const changes = compared.get(pair) ?? compareCandidates(old, next);
    compared.set(pair, changes);
    for (const change of changes) {
      const known = found.get(change.key);
      if (known) known.methods.push(name);
      else found.set(change.key, { change, region: sample.region, methods: [name] });
    }
  }
  return [...found.values()];
}

function differenceOf({ change, region, methods }: Line, all: number): Difference {
  const named = methods.length === all ? '' : `${methods.join(',')} `;
  return { ...change.line, where: `${named}${nameOfRegion(region)}`, change: 'changed' };
}

function inOrder(differences: readonly Difference[]): readonly Difference[] {
  return CHANGE_CLASSES.flatMap((each) => differences.filter((one) => one.class === each));
}

class Table {
  readonly worded: readonly WordedRoute[];
  readonly #trees = new HostTrees('exact');

  constructor(private readonly side: Comparable) {
    const { rules, routes } = side;
    this.worded = rules.routes.map((route, at) => {
      const { conditions, target, settings } = routes[at] as ComparableRoute;
      const place = JSON.stringify([route.priority, route.methods, conditions?.equal]);
      return { route, words: { place, settings: JSON.stringify([target.equal, settings]) } };
    });
    rules.routes.forEach((route, index) => this.#trees.add(compileRoute(route, index)));
  }

  /** `key` is equal for equal candidates. */
  at({ host, path }: SamplePath, method: string): Candidates & { readonly key: string } {
    const target = readTarget(path);
    const found = target.kind === 'bad' ? undefined : this.#trees.find(normalHost(host), target.segments);
    if (!found) return none(this.side.standalone ? '404' : 'next()');
    const serving = found.routes.filter(({ route }) => methodsServed(route).has(method));
    if (serving.length === 0) return none('405');
    const routes = serving.map(({ index }) => this.side.routes[index] as ComparableRoute);
    const last = routes.findIndex(({ conditions }) => conditions === undefined);
    const key = serving.map(({ index }) => index).join();
    return last < 0 ? { routes, otherwise: '404', key } : { routes: routes.slice(0, last + 1), key };
  }
}

const none = (answer: string): Candidates & { readonly key: string } => ({
  routes: [],
  otherwise: answer,
  key: answer,
});
