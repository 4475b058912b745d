/** The compiled auth methods of one plan: those of Loom from the registry, those of the host by name. */
import { createRequire } from 'node:module';
import { inspect, isDeepStrictEqual } from '../lib/node-util.js';
import { hostNotEvaluated } from './aside.js';
import { findRequestState } from '../http/request-state.js';
import type { Authenticator } from './combine.js';
import type { CompiledMethod, CompiledMethods } from './compile.js';
import type { Verdict } from './verdict.js';
import type { Place } from './credentials.js';
import type { Identity } from './identity.js';
import type * as HostStrategies from './host-strategy.js';
import type { HostStrategy, Strategies } from './host-strategy.js';
import type { MethodTraits } from './method-traits.js';
import type { CredentialStoreStatus, Method, MethodDeps, MethodStrategy, Sessions } from './method.js';
import type { Recording, RecordedMethod } from './live-verdicts.js';
import { methodOfType } from './methods.js';
import type { Keys } from './methods/api-key/store/keys.js';
import type { Narrowing } from './requirement.js';
import { sharedPlaces, withoutKnown, type Reader } from './shared-places.js';
import { fromOurs } from './strategy-runner.js';
import type { KeySetStatus, KeySource } from '../tokens/key-source.js';

const require = createRequire(import.meta.url);

/** The part of a planned auth method that compilation needs. */
export interface MethodInUse {
  readonly name: string;
  readonly type: string;
  readonly options: unknown;
  /** Default: those of the auth method. */
  readonly places?: readonly Place[];
  readonly ambient?: MethodTraits['ambient'];
}

/** A compiled auth method of Loom. Its strategy closes when the last table that uses it ends. */
interface InUse {
  readonly planned: MethodInUse;
  readonly method: Method;
  readonly strategy: MethodStrategy;
  readonly compiled: CompiledMethod;
  readonly shared: readonly Place[];
  tables: number;
}

/** The method in the form in which it runs: without the documents that were only needed for checks. */
export function compacted<Planned extends MethodInUse>(planned: Planned): Planned {
  const options = methodOfType(planned.type)?.compact?.(planned.options);
  if (options === undefined || options === planned.options) return planned;
  return Object.defineProperty({ ...planned }, 'options', { value: options, enumerable: false });
}

interface Surroundings {
  readonly hosts: Strategies;
  readonly deps: MethodDeps;
  readonly previous: MethodsInUse | undefined;
  /** The methods of the same plan that serve requests, for an explanation. */
  readonly live: MethodsInUse | undefined;
  readonly all: readonly MethodInUse[];
}

export class MethodsInUse {
  readonly compiled: CompiledMethods;
  readonly #compiled = new Map<string, CompiledMethod>();
  readonly #ours = new Map<string, InUse>();

  /** `previous`: a method with an unchanged block keeps its strategy and the cached data of the strategy. */
  constructor(planned: readonly MethodInUse[], hosts: Strategies, deps: MethodDeps, previous?: MethodsInUse) {
    const live = deps.aside?.live instanceof MethodsInUse ? deps.aside.live : undefined;
    this.compiled = this.#compiled;
    try {
      for (const each of planned) this.#add(each, { hosts, deps, previous, live, all: planned });
      this.#keepKnown();
    } catch (cause) {
      // No other object has a reference to the strategies that have already started.
      this.close().catch(() => undefined);
      throw cause;
    }
  }

  #add(each: MethodInUse, { hosts, deps, previous, live, all }: Surroundings): void {
    const { name, type } = each;
    if (type === 'strategy' && deps.aside) {
      this.#compiled.set(name, { authenticate: hostNotEvaluated, places: [] });
      return;
    }
    if (type === 'strategy') {
      const { fromHost } = require('./host-strategy.js') as typeof HostStrategies;
      const authenticate = fromHost(name, hostNamed(hosts, name));
      this.#compiled.set(name, { authenticate: recorded({ ...each, shared: [] }, authenticate), places: [] });
      return;
    }
    const shared = sharedPlaces(readerOf(each).places, all.filter((other) => other !== each).map(readerOf));
    const aside = deps.aside && { ...deps.aside, live: live?.strategyOf(name) };
    const inUse = previous?.same(each, shared) ?? compileMethod(each, { ...deps, shared, aside });
    inUse.tables += 1;
    this.#ours.set(name, inUse);
    this.#compiled.set(name, inUse.compiled);
  }

  /** An API key in a shared place reaches no other auth method, on each route. */
  #keepKnown(): void {
    const owners = [...this.#ours].filter(([, { shared, strategy }]) => shared.length > 0 && 'ownValues' in strategy);
    for (const [name, compiled] of this.#compiled) {
      const others = owners.flatMap(([owner, { strategy }]) => (owner === name ? [] : [strategy]));
      this.#compiled.set(name, withoutKnown(compiled, others));
    }
  }

  async ready(): Promise<void> {
    await Promise.all(this.strategies().map((each) => each.ready));
  }

  /** The state of the stores of credentials, by the name of the auth method. */
  storeStatuses(): ReadonlyMap<string, CredentialStoreStatus> {
    const known = [...this.#ours].flatMap(([name, { strategy }]) => {
      const status = strategy.storeStatus?.();
      return status ? [[name, status] as const] : [];
    });
    return new Map(known);
  }

  /** The keys of the store of an auth method, if the file has a store. */
  get keysOfStore(): Keys | undefined {
    return this.strategies().find(({ keysOfStore }) => keysOfStore)?.keysOfStore;
  }

  /** Gives the strategies access to the open sockets. Returns the function that stops. */
  watchSessions(sessions: Sessions): () => void {
    const stops = this.strategies().flatMap((each) => each.watchSessions?.(sessions) ?? []);
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** Closes the strategies that no other table uses. Must be called once. */
  async close(): Promise<void> {
    const unused = [...this.#ours.values()].filter((each) => --each.tables === 0);
    await Promise.all(unused.map(({ strategy }) => strategy.close()));
  }

  /** Whether the key, user or issuer that confirmed the identity under `previous` is unchanged. */
  vouchesFor(identity: Identity, previous: MethodsInUse): boolean {
    const [before, after] = [previous.#ours.get(identity.method), this.#ours.get(identity.method)];
    if (before === after) return before !== undefined || this.compiled.has(identity.method);
    if (!before || before.planned.type !== after?.planned.type) return false;
    const { method } = after;
    const voucher = method.voucher(after.planned.options, identity);
    return voucher !== undefined && isDeepStrictEqual(voucher, method.voucher(before.planned.options, identity));
  }

  /** What is known of the key sets of each auth method that has some. */
  keySets(): ReadonlyMap<string, readonly KeySetStatus[]> {
    const known = [...this.#ours].map(([name, { strategy }]) => [name, strategy.keySets?.() ?? []] as const);
    return new Map(known.filter(([, sets]) => sets.length > 0));
  }

  private strategyOf(name: string): MethodStrategy | undefined {
    return this.#ours.get(name)?.strategy;
  }

  /** The key set that a method fetches from this source. */
  loadedKeys(source: string): KeySource | undefined {
    for (const strategy of this.strategies()) {
      const keys = strategy.loadedKeys?.(source);
      if (keys) return keys;
    }
    return undefined;
  }

  private strategies(): readonly MethodStrategy[] {
    return [...this.#ours.values()].map(({ strategy }) => strategy);
  }

  private same({ name, type, options }: MethodInUse, shared: readonly Place[]): InUse | undefined {
    const known = this.#ours.get(name);
    if (known?.planned.type !== type || !isDeepStrictEqual(known.planned.options, options)) return undefined;
    return isDeepStrictEqual(known.shared, shared) ? known : undefined;
  }
}

export function readerOf({ type, options, places, ambient }: MethodInUse): Reader {
  const method = places && ambient !== undefined ? undefined : methodOfType(type);
  return { places: places ?? method?.places(options) ?? [], ambient: ambient ?? method?.ambient ?? 'unknown' };
}

function compileMethod(planned: MethodInUse, deps: MethodDeps & { readonly shared: readonly Place[] }): InUse {
  const { name, type, options } = planned;
  const method = methodOfType(type);
  if (!method) throw new TypeError(`no method is of the type ${JSON.stringify(type)}`);
  const strategy = method.compile(options, deps);
  concealSecrets(strategy, name);
  const { shared } = deps;
  const compiled = compiledMethod(method, options, strategy);
  const authenticate = recorded({ name, type, options, shared }, compiled.authenticate);
  return { planned, method, strategy, compiled: { ...compiled, authenticate }, shared, tables: 0 };
}

/** Only the evaluation of another configuration sets a recording. Other requests cost one look at their state. */
function recorded(method: RecordedMethod, authenticate: Authenticator): Authenticator {
  return (attempt) => {
    const verdict = authenticate(attempt);
    const recording = findRequestState(attempt.request)?.recording as Recording | undefined;
    if (!recording) return verdict;
    const keep = (each: Verdict): Verdict => {
      recording.add(method, attempt, each);
      return each;
    };
    return verdict instanceof Promise ? verdict.then(keep) : keep(verdict);
  };
}

/** A method of Loom with its strategy, as requirements use it. */
export function compiledMethod(method: Method, options: unknown, strategy: MethodStrategy): CompiledMethod {
  const challenge = method.challenge(options);
  const places = method.places(options);
  return {
    authenticate: fromOurs(strategy, { places, challenge }),
    places,
    challenge,
    judge: (narrowing, identity) => method.judge(narrowing, identity),
    describe: (request, reason) => strategy.describe?.(request, reason),
    readNarrowing: (given) => readNarrowing(method, options, given),
    needsNoIdentity: method.needsNoIdentity?.(options) ?? false,
  };
}

/** A strategy holds keys and secrets. If code prints it, such as the Passport of a host, only its name is shown. */
function concealSecrets(strategy: MethodStrategy, name: string): void {
  const words = (): string => `[Strategy ${name}]`;
  Object.defineProperty(strategy, inspect.custom, { value: words });
  Object.defineProperty(strategy, 'toJSON', { value: words });
}

export function readNarrowing(method: Method, options: unknown, given: Narrowing): Narrowing {
  const read = method.narrowing.safeParse(given);
  const faults = read.success
    ? method
        .unknownNames(options, read.data)
        .filter(({ level }) => level === 'error')
        .map(({ message }) => message)
    : read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  if (read.success && faults.length === 0) return read.data;
  throw new TypeError(`${method.name} cannot be narrowed like this: ${faults.join('; ')}`);
}

function hostNamed(hosts: Strategies, name: string): HostStrategy {
  const host = Object.hasOwn(hosts, name) ? hosts[name] : undefined;
  if (!host) throw new TypeError(`no strategy is registered by the name ${JSON.stringify(name)}`);
  return 'strategy' in host ? host : { strategy: host };
}
