/** Plugins that a route requires besides its `auth`: those of the route, and those of `middleware.auth.plugin`. */
import type { PluginOptions } from '../../auth/methods/plugin/options.js';
import { isOpen, methodsOf, OPEN, type Requirement } from '../../auth/requirement.js';
import type { NonEmpty } from '../../lib/types.js';
import type { Context } from '../context.js';
import { saysOpen } from '../open-routes.js';
import type { Path } from '../report.js';
import type { Roster } from './methods.js';
import type { RouteRequirement } from './requirement.js';

export class RequiredPlugins {
  constructor(
    private readonly global: readonly string[],
    private readonly roster: Roster,
    private readonly context: Context,
  ) {}

  /** Undefined where the file is wrong. What is open on purpose stays so, but for the route's own plugins. */
  besides(access: RouteRequirement | undefined, own: readonly string[] = [], path: Path): RouteRequirement | undefined {
    const known = own.filter((name, at) => this.#isKnown(name, [...path, at]));
    if (!access || known.length < own.length) return undefined;
    const global = access.declaredOpen ? [] : this.global;
    const names = [...global, ...own];
    if (names.length === 0) return access;
    const requirement = this.#all(access.requirement, names);
    // Plugins of a route filter what `auth` has let through, and need no identity (docs/plugins.md).
    const filtered = global.length === 0 && isOpen(access.requirement);
    return filtered ? { requirement, declaredOpen: saysOpen(access), filtered } : { requirement, declaredOpen: false };
  }

  /** What the global ones make of a requirement that no route has. */
  everywhere(requirement: Requirement | undefined): Requirement | undefined {
    return this.global.length === 0 ? requirement : this.#all(requirement ?? OPEN, this.global);
  }

  #isKnown(name: string, path: Path): boolean {
    const message = this.roster.pluginRefusal(name);
    if (message !== undefined) this.context.report.error({ path, code: 'unknown_plugin', message });
    return message === undefined;
  }

  /** The higher priority first, then the order of the file; one that is required already is required once. */
  #all(requirement: Requirement, names: readonly string[]): Requirement {
    const parts = requirement.kind === 'all' ? [...requirement.of] : requirement.kind === 'open' ? [] : [requirement];
    const there = new Set(parts.filter(({ kind }) => kind === 'method').flatMap(methodsOf));
    const order = [...new Set(names)].sort(
      (a, b) => this.#priority(b) - this.#priority(a) || this.#place(a) - this.#place(b),
    );
    const more = order.filter((name) => !there.has(name)).map((name): Requirement => ({ kind: 'method', name }));
    const [first, ...rest] = [...parts, ...more] as unknown as NonEmpty<Requirement>;
    return rest.length === 0 ? first : { kind: 'all', of: [first, ...rest] };
  }

  #priority(name: string): number {
    return (this.roster.get(name)?.options as PluginOptions | undefined)?.priority ?? 0;
  }

  #place(name: string): number {
    return this.roster.names.indexOf(name);
  }
}
