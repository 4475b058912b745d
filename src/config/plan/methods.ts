/** The methods of a file: the blocks of `middleware.auth`, the host's strategies, and which of them may be named. */
import { createRequire } from 'node:module';
import { z } from 'zod';
import type { HeaderRule } from '../../auth/header-rule.js';
import type { Method } from '../../auth/method.js';
import { UNKNOWN_TRAITS, type MethodTraits } from '../../auth/method-traits.js';
import { methods as registry, PLUGIN, type RegisteredMethod } from '../../auth/methods.js';
import type { Context } from '../context.js';
import { readBlock } from '../issues.js';
import type { PlannedMethod } from '../plan-types.js';
import type { Path } from '../report.js';
import { flag } from '../schema/fields.js';
import { methodHint } from '../hints/hint-for.js';
import { hint } from '../suggest.js';
import type * as OptionFiles from './option-files.js';

const require = createRequire(import.meta.url);

export const AUTH: Path = ['middleware', 'auth'];

/** `broken`: the block is there and its mistakes are reported; names that refer to it are no further mistakes. */
export type MethodState = 'enabled' | 'disabled' | 'broken' | 'missing';

export interface Entry {
  readonly name: string;
  readonly state: MethodState;
  /** Absent for a strategy of the host. */
  readonly method?: Method;
  readonly options?: unknown;
  /** `middleware.auth` names it, a listener implies it, the host registered it. */
  readonly from: 'file' | 'listener' | 'host';
  /** The path of its block; default: `middleware.auth`, by its name. */
  readonly path?: Path;
  /** Identity headers that a listener adds to those of the block. */
  readonly listenerHeaders?: readonly HeaderRule[];
}

const blocks = new WeakMap<z.ZodType, z.ZodType>();

/** A method's block as the file may write it: its options and `enabled`. Made once: zod compiles what it makes. */
export function blockSchema({ options }: Pick<Method, 'options'>): z.ZodType {
  if (!(options instanceof z.ZodObject)) return options;
  const known = blocks.get(options);
  if (known) return known;
  const enabled = flag().default(true).describe('false: every reference to the method is an error.');
  const made = options.extend({ enabled });
  blocks.set(options, made);
  return made;
}

export class Roster {
  readonly #entries: ReadonlyMap<string, Entry>;

  constructor(entries: readonly Entry[]) {
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
  }

  /** Every name that is allowed in `chain`, in `methods` or as a key of `auth`. */
  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  get(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  /** What can be required; blocks with mistakes count, so that one mistake does not look like two. */
  get usable(): readonly Entry[] {
    return [...this.#entries.values()].filter(({ state }) => state === 'enabled' || state === 'broken');
  }

  /** Why a name cannot be used, or undefined. */
  refusal(name: string): string | undefined {
    const entry = this.#entries.get(name);
    if (!entry) return `unknown method${methodHint(name, this.names)}`;
    if (entry.state === 'missing') return `${name} is not configured: there is no middleware.auth.${name}`;
    return entry.state === 'disabled' ? `${name} is disabled: middleware.auth.${name}.enabled is false` : undefined;
  }

  /** Why a name is no plugin that can be required, or undefined. */
  pluginRefusal(name: string): string | undefined {
    const plugins = [...this.#entries.values()].filter(
      ({ state, method }) => state !== 'missing' && method?.name === PLUGIN,
    );
    if (plugins.some((each) => each.name === name)) return undefined;
    return `unknown plugin ${JSON.stringify(name)}${hint(
      name,
      plugins.map((each) => each.name),
    )}`;
  }

  /** Clients must not set the headers of a method that is disabled. */
  get disabledHeaders(): readonly HeaderRule[] {
    const disabled = [...this.#entries.values()].filter(({ state }) => state === 'disabled');
    return disabled.flatMap(({ method, options }) => method?.headers(options) ?? []);
  }

  planned(): readonly PlannedMethod[] {
    return this.usable.filter(({ state }) => state === 'enabled').map(plan);
  }
}

/** Loads the folder of its method only when `method` is read: most files name few methods. */
class MissingMethod implements Entry {
  readonly state = 'missing';
  readonly from = 'file';
  readonly name: string;

  constructor(private readonly registered: RegisteredMethod) {
    this.name = registered.name;
  }

  get method(): Method {
    return this.registered.load();
  }
}

function traitsOf({ ambient, claims, certificate, values }: Method): MethodTraits {
  return { ambient, claims, certificate, ...(values && { values }) };
}

function plan({ name, method, options, listenerHeaders = [] }: Entry): PlannedMethod {
  const known = method
    ? {
        places: method.places(options),
        headers: [...method.headers(options), ...listenerHeaders],
        forwardsCredential: method.forwardsCredential(options),
        limitsIdentities: method.limitsIdentities?.(options) ?? false,
        ...(method.longestCredential && { longestCredentialBytes: method.longestCredential(options) }),
        ...traitsOf(method),
      }
    : { places: [], headers: [], forwardsCredential: false, limitsIdentities: false, ...UNKNOWN_TRAITS };
  const planned = { name, type: method?.name ?? 'strategy', ...known };
  return Object.defineProperty(planned, 'options', { value: options, enumerable: false }) as unknown as PlannedMethod;
}

/** Reads the blocks of all methods that the registry knows. */
export function readMethods(context: Context): readonly Entry[] {
  const ours = registry.map((method) => readMethod(method, context));
  const theirs = context.strategies.map((name): Entry => ({ name, state: 'enabled', from: 'host' }));
  const order = context.keys(AUTH);
  const rank = ({ name }: Entry): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return [...ours.sort((a, b) => rank(a) - rank(b)), ...theirs];
}

function readMethod(registered: RegisteredMethod, context: Context): Entry {
  const { name } = registered;
  const path = [...AUTH, name];
  if (!context.has(path)) return new MissingMethod(registered);
  const method = registered.load();
  const entry = { name, method, from: 'file' } as const;
  const read = readBlock({ schema: blockSchema(method), value: context.value(path), path }, context);
  if (read === undefined) return { ...entry, state: 'broken' };
  const { enabled = true, ...given } = read as { enabled?: boolean };
  const own = method.locateFiles?.(given, (each) => context.source.pathBeside(each)) ?? given;
  if (!enabled) return { ...entry, options: own, state: 'disabled' };
  if (!readFiles(method, { options: own, path, context })) return { ...entry, state: 'broken' };
  const options = method.complete?.(own) ?? own;
  const hosted = context.mode === 'serve' ? method.needsHost?.(options) : undefined;
  if (hosted)
    context.report.error({ path: [...path, ...hosted], code: 'method_error', message: 'needs a host application' });
  let intact = !hosted;
  for (const finding of method.findings(options)) {
    const found = { path: [...path, ...finding.path], message: finding.message };
    if (finding.level === 'warning') context.report.warning({ ...found, code: finding.rule ?? 'method_warning' });
    else context.report.error({ ...found, code: 'method_error' });
    intact &&= finding.level === 'warning';
  }
  return { ...entry, options, state: intact ? 'enabled' : 'broken' };
}

interface FileTask {
  readonly options: unknown;
  readonly path: Path;
  readonly context: Context;
}

/** False if a file cannot be used. */
function readFiles({ files }: Method, { options, path, context }: FileTask): boolean {
  if (Object.keys(files).length === 0) return true;
  return (require('./option-files.js') as typeof OptionFiles).readOptionFiles(options, { files, path, context });
}
