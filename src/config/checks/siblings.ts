/** Routes of one host and pattern: two equal ones, one that hides another, and those that a client may choose among. */
import { isOpen } from '../../auth/requirement.js';
import type { ErrorCode } from '../diagnostic-codes.js';
import type { Context } from '../context.js';
import { conditionsOf, methodsServed, type Conditions, type Group, type Placed } from './groups.js';
import type { Strictness } from './strictness.js';

interface Sibling extends Placed {
  readonly served: ReadonlySet<string>;
  readonly conditions: Conditions;
}

export function checkSiblings(group: Group, strictness: Strictness, context: Context): void {
  if (group.routes.length < 2) return;
  const earlier: Sibling[] = [];
  for (const placed of group.routes) {
    const sibling = { ...placed, served: methodsServed(placed.route), conditions: conditionsOf(placed.route) };
    new SiblingCheck(sibling, { strictness, context }).against(earlier);
    earlier.push(sibling);
  }
}

class SiblingCheck {
  constructor(
    private readonly later: Sibling,
    private readonly tools: { readonly strictness: Strictness; readonly context: Context },
  ) {}

  against(earlier: readonly Sibling[]): void {
    const rivals = earlier.filter((each) => meet(each.served, this.later.served));
    const equal = rivals.find((each) => this.#isEqual(each));
    if (equal) {
      this.#error('duplicate_route', `serves what ${nameOf(equal)} serves already`);
      return;
    }
    if (this.#isHidden(rivals)) return;
    for (const rival of rivals) this.#checkChoice(rival);
  }

  #isEqual(rival: Sibling): boolean {
    if (rival.conditions.text !== this.later.conditions.text) return false;
    return rival.served.size === this.later.served.size && covers(rival.served, this.later.served);
  }

  #isHidden(rivals: readonly Sibling[]): boolean {
    const { later } = this;
    const hiding = rivals.filter((each) => covers(later.conditions.parts, each.conditions.parts));
    const taken = new Set(hiding.flatMap((each) => [...each.served]));
    if (!covers(taken, later.served)) return false;
    const weaker = hiding.find(
      (each) => !this.tools.strictness.atLeastAsStrict(each.route.requirement, later.route.requirement),
    );
    // What is open loses no guard.
    if (weaker && !isOpen(later.route.requirement))
      this.#error('route_hidden', `is hidden by ${nameOf(weaker)}, which asks for less`);
    else {
      const message = `is never reached: ${hiding.map(nameOf).join(', ')} comes first`;
      this.tools.context.report.warning({ path: this.#path(), code: 'route_hidden', message });
    }
    return true;
  }

  /** The client chooses headers and query, so it would choose the requirement, too. */
  #checkChoice(rival: Sibling): void {
    if (rival.conditions.text === this.later.conditions.text) return;
    if (this.tools.strictness.equal(rival.route.requirement, this.later.route.requirement)) return;
    this.#error(
      'client_chooses',
      `differs from ${nameOf(rival)} by headers or query alone, which the client chooses: both must have the same auth`,
    );
  }

  #error(code: ErrorCode, message: string): void {
    this.tools.context.report.error({ path: this.#path(), code, message });
  }

  #path(): readonly (string | number)[] {
    return ['routes', this.later.place];
  }
}

function covers(all: ReadonlySet<string>, some: ReadonlySet<string>): boolean {
  for (const each of some) if (!all.has(each)) return false;
  return true;
}

function meet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  for (const each of a) if (b.has(each)) return true;
  return false;
}

/** `routes[3] (internal-api)`, or the place alone where the route has no name of its own. */
export function nameOf({ route, place }: Placed): string {
  const at = `routes[${place}]`;
  return route.id === at ? at : `${at} (${route.id})`;
}
