/** What a route's `auth` means (docs/reference/options.md): nothing but `none` and `require: false` opens a route. */
import { z } from 'zod';
import { OPEN, type Requirement } from '../../auth/requirement.js';
import type { NonEmpty } from '../../lib/types.js';
import type { ErrorCode } from '../diagnostic-codes.js';
import type { Context } from '../context.js';
import { readBlock } from '../issues.js';
import type { Path } from '../report.js';
import { flag, listOf, name } from '../schema/fields.js';
import { combine, readNames } from './combine.js';
import type { Roster } from './methods.js';
import { namedKeys } from './named-keys.js';
import type { Policy } from './policy.js';

export interface RouteRequirement {
  readonly requirement: Requirement;
  /** Open, and the file says so. */
  readonly declaredOpen: boolean;
  /** Open but for plugins of the route. */
  readonly filtered?: boolean;
}

export const routeAuthShape = {
  require: flag().optional().describe('false: no credential is needed, but one that is sent must be valid.'),
  methods: listOf(z.string({ error: 'must be the name of a method' }))
    .optional()
    .describe('The methods, in this order.'),
  require_any: flag().optional().describe('true (default beside `methods`): one is enough; false: all of them.'),
  on_invalid: z.enum(['continue', 'stop']).optional().describe('What a wrong credential does to the search.'),
  narrow: z
    .record(z.string(), z.unknown(), { error: 'must be a mapping' })
    .optional()
    .describe('What each method must say besides.'),
  plugin: name().optional().describe('A WASM plugin by its name; the same as that name with `true`.'),
};

const routeAuth = namedKeys(routeAuthShape);

type Shape = z.output<z.ZodObject<typeof routeAuthShape>>;

const HOW = 'say "auth: none", a method such as "auth: {jwt: true}", or a list "auth: {methods: [jwt]}"';

const NEVER_BY_REFERENCE =
  'a variable must not open a route: write "auth: none" or "require: false" without a reference';

export class RequirementReader {
  constructor(
    private readonly context: Context,
    private readonly roster: Roster,
    private readonly policy: Policy,
  ) {}

  get chain(): Requirement | undefined {
    return this.policy.chain;
  }

  /** Undefined where the file is wrong. */
  read(path: Path): RouteRequirement | undefined {
    if (!this.context.has(path)) return this.#unsaid();
    const value = this.context.value(path);
    if (value === 'none') {
      return this.context.isReference(path)
        ? this.#refuse(path, NEVER_BY_REFERENCE)
        : { requirement: OPEN, declaredOpen: true };
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return this.#refuse(path, `${HOW}`);
    if (Object.keys(value).length === 0) return this.#refuse(path, `must not be empty: ${HOW}`);
    const schema = routeAuth(this.roster.names) as z.ZodType<Shape>;
    const shape: Shape | undefined = readBlock({ schema, value, path }, this.context);
    if (!shape) return undefined;
    const require = [...path, 'require'];
    if (shape.require === false && this.context.isReference(require)) return this.#refuse(require, NEVER_BY_REFERENCE);
    const requirement = this.#required(shape, path);
    return requirement && { requirement, declaredOpen: requirement.kind === 'open' };
  }

  /** A global policy protects every route that does not say otherwise. */
  #unsaid(): RouteRequirement | undefined {
    const { chain, intact } = this.policy;
    return intact ? { requirement: chain ?? OPEN, declaredOpen: false } : undefined;
  }

  #required(shape: Shape, path: Path): Requirement | undefined {
    const keys = this.context.keys(path).filter((key) => key === 'plugin' || !Object.hasOwn(routeAuthShape, key));
    const [key] = keys;
    if (shape.methods && key !== undefined)
      return this.#refuse([...path, key], 'is not allowed beside methods; list it there');
    if (!shape.methods && key === undefined) return this.#without(shape, path);
    const parts = shape.methods ? this.#listed(shape, path) : this.#keyed(keys, shape, path);
    if (!parts) return undefined;
    const any = shape.require_any ?? true;
    if (!any && shape.on_invalid === 'stop')
      return this.#refuse([...path, 'on_invalid'], 'means nothing where all are required');
    const of = combine(parts, { any, onInvalid: shape.on_invalid });
    return shape.require === false ? { kind: 'optional', of } : of;
  }

  /** `auth: {require: …}` alone. */
  #without({ require, ...shape }: Shape, path: Path): Requirement | undefined {
    const stray = (['narrow', 'require_any', 'on_invalid'] as const).find((key) => shape[key] !== undefined);
    if (stray) return this.#refuse([...path, stray], `means nothing without methods: ${HOW}`);
    return require === false ? OPEN : this.fallback(path);
  }

  /** The chain; without a chain the one enabled method; with several enabled, an error. */
  fallback(path: Path): Requirement | undefined {
    const { chain, intact } = this.policy;
    if (!intact || chain) return chain;
    // A host may register strategies for routes of its own; the file's methods come first.
    const { usable } = this.roster;
    const ours = usable.filter(({ from }) => from !== 'host');
    const [only, ...others] = ours.length > 0 ? ours : usable;
    if (!only) return this.#refuse(path, 'nothing to require: no method is enabled');
    if (others.length === 0) return { kind: 'method', name: only.name };
    const names = [only, ...others].map((each) => each.name).join(', ');
    return this.#refuse(path, `several methods are enabled (${names}): name them, or set middleware.auth.chain`);
  }

  #listed({ methods = [], narrow = {} }: Shape, path: Path): NonEmpty<Requirement> | undefined {
    const { context, roster } = this;
    const named = readNames(methods, { path: [...path, 'methods'], context, roster });
    const stray = Object.keys(narrow).find((each) => !methods.includes(each));
    if (stray !== undefined) return this.#refuse([...path, 'narrow', stray], 'is not among methods');
    if (this.context.has([...path, 'narrow']) && Object.keys(narrow).length === 0)
      return this.#refuse([...path, 'narrow'], 'must not be empty');
    if (!named) return undefined;
    return this.#whole(
      named.map((part) => {
        if (!Object.hasOwn(narrow, part.name)) return part;
        return this.#narrowed(part.name, [...path, 'narrow', part.name]);
      }),
    );
  }

  #keyed(keys: readonly string[], shape: Shape, path: Path): NonEmpty<Requirement> | undefined {
    if (shape.narrow)
      return this.#refuse([...path, 'narrow'], 'belongs beside methods; here write it under the auth method');
    const parts = keys.map((key): Requirement | undefined => {
      const at = [...path, key];
      if (key === 'plugin') return this.#plugin(shape.plugin as string, keys, at);
      this.context.retype(at);
      const value = this.context.value(at);
      const refused = this.roster.refusal(key);
      if (refused !== undefined) return this.#refuse(at, refused, 'wrong_method');
      if (value === true) return { kind: 'method', name: key };
      if (typeof value === 'object' && value !== null) return this.#narrowed(key, at);
      return this.#refuse(
        at,
        value === false ? 'false opens nothing: leave the method out' : 'must be true or a mapping',
      );
    });
    if (parts.includes(undefined)) return undefined;
    if (keys.length > 1 && shape.require_any === undefined) {
      return this.#refuse(path, 'several methods need require_any beside them: true (one is enough) or false (all)');
    }
    return this.#whole(parts);
  }

  /** `plugin: x` is `x: true`. */
  #plugin(plugin: string, keys: readonly string[], path: Path): Requirement | undefined {
    const refused = keys.includes(plugin) ? `${plugin} is here twice` : this.roster.pluginRefusal(plugin);
    return refused === undefined ? { kind: 'method', name: plugin } : this.#refuse(path, refused, 'wrong_method');
  }

  #whole(parts: readonly (Requirement | undefined)[]): NonEmpty<Requirement> | undefined {
    const [first, ...rest] = parts.filter((part) => part !== undefined);
    return first && rest.length + 1 === parts.length ? [first, ...rest] : undefined;
  }

  #narrowed(methodName: string, path: Path): Requirement | undefined {
    const { method, options } = this.roster.get(methodName) ?? {};
    if (!method) return this.#refuse(path, `${methodName} cannot be narrowed: write true`);
    const narrow = readBlock({ schema: method.narrowing, value: this.context.value(path), path }, this.context);
    if (!narrow) return undefined;
    if (Object.keys(narrow).length === 0) return this.#refuse(path, 'must not be empty: write true');
    const empty = Object.keys(narrow).find((key) => isEmptyMapping(this.context.value([...path, key])));
    if (empty !== undefined) return this.#refuse([...path, empty], 'must not be empty');
    const unknown = options === undefined ? [] : method.unknownNames(options, narrow);
    for (const { path: below, message } of unknown) {
      this.context.report.error({ path: [...path, ...below], code: 'unknown_name', message });
    }
    return unknown.length > 0 ? undefined : { kind: 'method', name: methodName, narrow };
  }

  #refuse(path: Path, message: string, code: ErrorCode = 'wrong_auth'): undefined {
    this.context.report.error({ path, code, message });
    return undefined;
  }
}

function isEmptyMapping(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}
