/** Compares what happens to the requests of each path, whatever the routes are called and in whatever order they are. */
import { methodsServed } from '../config/checks/groups.js';
import { readTarget } from '../http/target.js';
import { CHANGE_CLASSES } from '../lib/change-classes.js';
import { coversRegion, methodsIn, samplesOfChanges, type WordedRoute } from '../routing/changed-regions.js';
import { HostTrees, normalHost } from '../routing/host-trees.js';
import { compileRoute } from '../routing/route-table.js';
import { nameOfRegion, type Region, type SamplePath } from '../routing/sample-paths.js';
import type { Comparable, ComparableRoute } from './comparable.js';
import type { Difference } from './compare-trees.js';
import { compareCandidates, type Candidates, type OptionChange } from './option-changes.js';

export function routeDifferences(before: Comparable, after: Comparable): readonly Difference[] {
  const [was, is] = [new Table(before), new Table(after)];
  const methods = methodsIn([...before.rules.routes, ...after.rules.routes]);
  let lines: Line[] = [];
  for (const sample of samplesOfChanges(was.worded, is.worded)) {
    const found = new Map<string, Line & { readonly methods: string[] }>();
    for (const [name, method] of methods) {
      for (const change of compareCandidates(was.at(sample, method), is.at(sample, method))) {
        const known = found.get(change.key);
        if (known) known.methods.push(name);
        else found.set(change.key, { change, region: sample.region, methods: [name] });
      }
    }
    for (const line of found.values()) {
      if (lines.some((known) => says(known, line))) continue;
      lines = [...lines.filter((known) => !says(line, known)), line];
    }
  }
  return inOrder(lines.map((line) => differenceOf(line, methods.size)));
}

interface Line {
  readonly change: OptionChange;
  readonly region: Region;
  readonly methods: readonly string[];
}

/** Whether the known line, for a region at least as broad, already covers the other line. */
function says(known: Line, { change, region, methods }: Line): boolean {
  if (known.change.key !== change.key || known.methods.join() !== methods.join()) return false;
  return coversRegion(known.region, region);
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

  at({ host, path }: SamplePath, method: string): Candidates {
    const target = readTarget(path);
    const found = target.kind === 'bad' ? undefined : this.#trees.find(normalHost(host), target.segments);
    if (!found) return { routes: [], otherwise: this.side.standalone ? '404' : 'next()' };
    const serving = found.routes.filter(({ route }) => methodsServed(route).has(method));
    if (serving.length === 0) return { routes: [], otherwise: '405' };
    const routes = serving.map(({ index }) => this.side.routes[index] as ComparableRoute);
    const last = routes.findIndex(({ conditions }) => conditions === undefined);
    return last < 0 ? { routes, otherwise: '404' } : { routes: routes.slice(0, last + 1) };
  }
}
