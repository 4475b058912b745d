/** A plan as messages between threads: without functions, in pieces that are quick to read. */
import type { Requirement } from '../auth/requirement.js';
import type { Plan, PlannedRoute } from '../config/plan-types.js';

/** A property that is hidden from those who print a plan. A message has only enumerable properties. */
interface Hidden {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}

/** A plan without its routes, which follow in pieces. */
export interface PlanHead<Kept = Plan> {
  readonly plan: Kept & Pick<Plan, 'routes'>;
  readonly hidden: readonly Hidden[];
}

export interface RoutePiece {
  /** The requirements that no earlier piece has. Routes share few requirements. */
  readonly requirements: readonly Requirement[];
  readonly routes: readonly (Omit<PlannedRoute, 'requirement'> & { readonly requirement: number })[];
}

/** Reading one piece takes far less than a slice. */
const ROUTES_PER_PIECE = 50;

export function* piecesOf<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let at = 0; at < items.length; at += ROUTES_PER_PIECE) yield items.slice(at, at + ROUTES_PER_PIECE);
}

export function headOf<Kept extends object>(plan: Kept): PlanHead<Kept> {
  const rest = { ...plan, routes: [] };
  return { plan: rest, hidden: [...hiddenIn(rest)] };
}

/** Puts a plan together from its head and its routes. */
export function wholeOf<Kept>({ plan: rest, hidden }: PlanHead<Kept>, routes: Plan['routes']): PlanHead<Kept>['plan'] {
  const plan = { ...rest, routes };
  for (const { path, value } of hidden) reveal(plan, path, value);
  return plan;
}

export function packPlan(plan: Plan): { readonly head: PlanHead; readonly pieces: readonly RoutePiece[] } {
  const numbers = new Map<string, number>();
  const pieces = [...piecesOf(plan.routes)].map((routes): RoutePiece => {
    const requirements: Requirement[] = [];
    const numbered = routes.map((route) => {
      const key = JSON.stringify(route.requirement);
      const number = numbers.get(key) ?? numbers.size;
      if (number === numbers.size) {
        numbers.set(key, number);
        requirements.push(route.requirement);
      }
      return { ...route, requirement: number };
    });
    return { requirements, routes: numbered };
  });
  return { head: headOf(plan), pieces };
}

/** Puts a plan together from its pieces. */
export class ArrivingPlan {
  readonly #requirements: Requirement[] = [];
  readonly #routes: PlannedRoute[] = [];

  constructor(private readonly head: PlanHead) {}

  add({ requirements, routes }: RoutePiece): void {
    this.#requirements.push(...requirements);
    for (const route of routes) {
      this.#routes.push({ ...route, requirement: this.#requirements[route.requirement] as Requirement });
    }
  }

  get plan(): Plan {
    return wholeOf(this.head, this.#routes);
  }
}

function reveal(plan: object, path: Hidden['path'], value: unknown): void {
  const holder = path.slice(0, -1).reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], plan);
  Object.defineProperty(holder, path.at(-1) as string, { value, enumerable: false });
}

function* hiddenIn(value: unknown, path: Hidden['path'] = []): Generator<Hidden> {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  for (const [name, { value: part, enumerable }] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
    const at = [...path, name];
    // What is hidden has no hidden properties of its own.
    if (enumerable) yield* hiddenIn(part, at);
    else if (!(Array.isArray(value) && name === 'length')) yield { path: at, value: part };
  }
}
