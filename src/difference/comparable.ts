/** A plan as plain data without secrets, in the form in which two plans are compared. */
import { createHmac, randomBytes } from 'node:crypto';
import { methodOfType, optionClassesOf, PLUGIN } from '../auth/methods.js';
import type { Leaf } from '../lib/change-classes.js';
import type { Plan, PlannedMethod, PlannedRoute } from '../config/plan-types.js';
import { accessRules, type AccessRules } from '../routing/access-rules.js';
import { viewOf } from './listener-classes.js';
import { PLAN_CLASSES, type PlanView } from './plan-classes.js';
import { ROUTE_CLASSES } from './route-classes.js';
import { canonical, treeOf, type Conceal, type LeafTree, type MembersTree, type Tree } from './tree.js';

export interface Comparable {
  /** A request without a route is answered 404. */
  readonly standalone: boolean;
  readonly rules: AccessRules;
  /** One for each route, in the order of the rules. */
  readonly routes: readonly ComparableRoute[];
  /** Everything but the routes. */
  readonly tree: Tree;
}

export interface ComparableRoute {
  /** The `headers` and `query` of the route. Absent: none. */
  readonly conditions?: { readonly equal: string; readonly shown: string };
  readonly target: LeafTree;
  readonly settings: Readonly<Record<string, LeafTree>>;
}

export interface PlanOf {
  readonly plan: Plan;
  readonly standalone: boolean;
}

/** Returns a digest with a key that exists for one comparison. */
export function concealOnce(key: Uint8Array = randomBytes(32)): Conceal {
  return (hidden) => createHmac('sha256', key).update(hidden).digest('base64url');
}

export function comparableOf({ plan, standalone }: PlanOf, conceal: Conceal): Comparable {
  const lists = methodLists(plan);
  return {
    standalone,
    rules: accessRules(plan),
    routes: plan.routes.map((route) => comparableRoute(route, conceal)),
    tree: withOptions(treeOf(planView(plan, lists), PLAN_CLASSES, conceal) as MembersTree, lists, conceal),
  };
}

function planView(plan: Plan, methods: MethodLists): PlanView {
  return { ...plan, ...methods, listeners: plan.listeners.map(viewOf) };
}

type MethodLists = Readonly<Record<'methods' | 'plugins', readonly PlannedMethod[]>>;

const LISTS = { methods: 'middleware.auth', plugins: 'plugins' } as const;

function methodLists({ methods }: Plan): MethodLists {
  return {
    methods: methods.filter(({ type }) => type !== PLUGIN),
    plugins: methods.filter(({ type }) => type === PLUGIN),
  };
}

/** The options of a method have the classes of their type. */
function withOptions(tree: MembersTree, lists: MethodLists, conceal: Conceal): MembersTree {
  const members = { ...tree.members };
  for (const list of ['methods', 'plugins'] as const) {
    const listed = members[LISTS[list]];
    if (!listed || !('items' in listed)) continue;
    const items = listed.items.map((item, at) => {
      const own = (item.tree as MembersTree).members;
      return { ...item, tree: { members: { ...own, ...optionsOf(lists[list][at] as PlannedMethod, conceal) } } };
    });
    members[LISTS[list]] = { ...listed, items };
  }
  return { members };
}

/** The options of a type without classes. */
const WHOLE: Leaf = { in: 'access', hide: 'secret' };

function optionsOf({ type, options }: PlannedMethod, conceal: Conceal): MembersTree['members'] {
  const classes = optionClassesOf(type);
  const whole = methodOfType(type)?.expand?.(options) ?? options;
  const tree = treeOf(whole, classes ?? WHOLE, conceal);
  if (!tree) return {};
  return 'members' in tree ? tree.members : { options: tree };
}

function comparableRoute(route: PlannedRoute, conceal: Conceal): ComparableRoute {
  const { headers, query, upstream } = route;
  const conditions = [
    ...headers.map(({ name }) => `header ${name}`),
    ...query.map(({ name }) => `query parameter ${name}`),
  ];
  const target = upstream ?? 'next()';
  return {
    ...(conditions.length > 0 && {
      conditions: { equal: conceal(canonical([headers, query])), shown: conditions.join(' and ') },
    }),
    target: { in: ['routing'], equal: JSON.stringify(upstream ?? null), shown: target },
    settings: leavesOf(treeOf(route, ROUTE_CLASSES, conceal), ''),
  };
}

function leavesOf(tree: Tree | undefined, name: string): Readonly<Record<string, LeafTree>> {
  if (!tree || 'items' in tree) return {};
  if ('equal' in tree) return { [name]: tree };
  const leaves = Object.entries(tree.members).map(([key, each]) =>
    leavesOf(each, name === '' ? key : `${name}.${key}`),
  );
  return Object.assign({}, ...leaves) as Readonly<Record<string, LeafTree>>;
}
