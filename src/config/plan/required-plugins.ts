/** Plugins that a route requires besides its `auth`: those of the route, and those of `middleware.auth.plugin`. */
import type { PluginOptions } from '../../auth/methods/plugin/options.js';
import { PLUGIN } from '../../auth/methods.js';
import { isOpen, methodsOf, needsNoIdentity, OPEN, type Requirement } from '../../auth/requirement.js';
import type { NonEmpty } from '../../lib/types.js';
import type { Context } from '../context.js';
import { saysOpen } from '../open-routes.js';
import type { Path } from '../report.js';
import type { Roster } from './methods.js';
import type { RouteRequirement } from './requirement.js';

interface Names {
  /** Of `middleware.auth.plugin`: required as methods. */
  readonly global: readonly string[];
  /** Of `routes[].plugins`. */
  readonly own: readonly string[];
}

export class RequiredPlugins {
  #chainReported = false;

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
    const marked = this.#marked(access.requirement, path.slice(0, -1));
    if (!marked) return undefined;
    const requirement = this.#all(marked, { global, own });
    // Plugins that need no identity filter what `auth` has let through (docs/plugins.md).
    const filtered = !isOpen(requirement) && needsNoIdentity(requirement);
    if (!filtered) return own.length + global.length === 0 ? access : { requirement, declaredOpen: false };
    return { requirement, declaredOpen: isOpen(access.requirement) && saysOpen(access), filtered };
  }

  /**
   * Marks the plugins with `require_identity: false`. In `any` and `optional` such a plugin would admit every caller that
   * another method rejects, so this is an error.
   */
  #marked(requirement: Requirement, path: Path): Requirement | undefined {
    switch (requirement.kind) {
      case 'open':
        return requirement;
      case 'method':
        return this.#optionsOf(requirement.name)?.require_identity === false
          ? { ...requirement, identity: 'address' }
          : requirement;
      case 'all': {
        const parts = requirement.of.map((part) => this.#marked(part, path));
        return parts.includes(undefined)
          ? undefined
          : { ...requirement, of: parts as unknown as NonEmpty<Requirement> };
      }
      case 'any':
      case 'optional':
        return this.#withoutAnonymous(requirement, path);
    }
  }

  #withoutAnonymous(requirement: Requirement & { kind: 'any' | 'optional' }, path: Path): Requirement | undefined {
    const name = methodsOf(requirement).find((each) => this.#optionsOf(each)?.require_identity === false);
    if (name === undefined) return requirement;
    const hasOwn = this.context.has([...path, 'auth']);
    // Every route without `auth` has the requirement of the chain.
    if (!hasOwn && this.#chainReported) return undefined;
    this.#chainReported ||= !hasOwn;
    const place = hasOwn ? [...path, 'auth'] : ['middleware', 'auth', 'chain'];
    const among = requirement.kind === 'any' ? 'where any one method is enough' : 'where no credential is needed';
    const message = `${name} has require_identity: false, so ${among} every caller passes; name it in routes[].plugins`;
    this.context.report.error({ path: place, code: 'wrong_auth', message });
    return undefined;
  }

  /** What the global ones make of a requirement that no route has. */
  everywhere(requirement: Requirement | undefined): Requirement | undefined {
    const marked = requirement && this.#marked(requirement, []);
    if (requirement && !marked) return undefined;
    return this.global.length === 0 ? marked : this.#all(marked ?? OPEN, { global: this.global, own: [] });
  }

  #isKnown(name: string, path: Path): boolean {
    const message = this.roster.pluginRefusal(name);
    if (message !== undefined) this.context.report.error({ path, code: 'unknown_plugin', message });
    return message === undefined;
  }

  /** The higher priority first, then the order of the file; one that is required already is required once. */
  #all(requirement: Requirement, { global, own }: Names): Requirement {
    const names = [...global, ...own];
    if (names.length === 0) return requirement;
    const parts = requirement.kind === 'all' ? [...requirement.of] : requirement.kind === 'open' ? [] : [requirement];
    const there = new Set(parts.filter(({ kind }) => kind === 'method').flatMap(methodsOf));
    const order = [...new Set(names)].sort(
      (a, b) => this.#priority(b) - this.#priority(a) || this.#place(a) - this.#place(b),
    );
    const more = order
      .filter((name) => !there.has(name))
      .map((name): Requirement => {
        const needed = this.#optionsOf(name)?.require_identity;
        if (global.includes(name)) return { kind: 'method', name, ...(needed === false && { identity: 'address' }) };
        return { kind: 'method', name, ...(needed !== true && { identity: 'unneeded' }) };
      });
    const [first, ...rest] = [...parts, ...more] as unknown as NonEmpty<Requirement>;
    return rest.length === 0 ? first : { kind: 'all', of: [first, ...rest] };
  }

  #priority(name: string): number {
    return this.#optionsOf(name)?.priority ?? 0;
  }

  #optionsOf(name: string): PluginOptions | undefined {
    const entry = this.roster.get(name);
    return entry?.method?.name === PLUGIN ? (entry.options as PluginOptions | undefined) : undefined;
  }

  #place(name: string): number {
    return this.roster.names.indexOf(name);
  }
}
