/** The methods of one plan, compiled: ours from the registry, the host's by their names. */
import { inspect } from 'node:util';
import passport from 'passport';
import type { CompiledMethod, CompiledMethods } from './compile.js';
import { fromHost, type HostStrategy } from './host-strategy.js';
import type { Method, MethodDeps, MethodStrategy } from './method.js';
import { methodOfType } from './methods.js';
import type { Narrowing } from './requirement.js';
import { fromOurs, type PassportStrategy } from './strategy-runner.js';

/** A host's strategies by the names that the file uses for them. */
export type Strategies = Readonly<Record<string, PassportStrategy | HostStrategy>>;

/** A private Passport with our strategies; what its middleware looks like is for the composition root to say. */
export interface OwnPassport {
  authenticate(name: string | string[], options?: object): unknown;
  initialize(): unknown;
}

/** What the plan says of a method, as far as compiling it goes. */
export interface MethodInUse {
  readonly name: string;
  readonly type: string;
  readonly options: unknown;
}

export class MethodsInUse {
  readonly compiled: CompiledMethods;
  /** Our strategies on a private Passport, so that a host can use them by name. */
  readonly passport: OwnPassport;
  readonly #strategies: readonly MethodStrategy[];

  constructor(planned: readonly MethodInUse[], hosts: Strategies, deps: MethodDeps) {
    const compiled = new Map<string, CompiledMethod>();
    const strategies: MethodStrategy[] = [];
    const own = new passport.Passport();
    for (const { name, type, options } of planned) {
      if (type === 'strategy') {
        compiled.set(name, { authenticate: fromHost(name, hostNamed(hosts, name)), places: [] });
        continue;
      }
      const method = methodOfType(type);
      if (!method) throw new TypeError(`no method is of the type ${JSON.stringify(type)}`);
      const strategy = method.compile(options, deps);
      const challenge = method.challenge(options);
      const places = method.places(options);
      concealSecrets(strategy, name);
      strategies.push(strategy);
      own.use(name, strategy);
      compiled.set(name, {
        authenticate: fromOurs(strategy, { places, challenge }),
        places,
        challenge,
        judge: (narrowing, identity) => method.judge(narrowing, identity),
        readNarrowing: (given) => readNarrowing(method, options, given),
      });
    }
    this.compiled = compiled;
    this.passport = own;
    this.#strategies = strategies;
  }

  async ready(): Promise<void> {
    await Promise.all(this.#strategies.map((each) => each.ready));
  }

  async close(): Promise<void> {
    await Promise.all(this.#strategies.map((each) => each.close()));
  }
}

/** A strategy holds keys and secrets: whoever prints it, or a host's Passport, sees its name. */
function concealSecrets(strategy: MethodStrategy, name: string): void {
  const words = (): string => `[Strategy ${name}]`;
  Object.defineProperty(strategy, inspect.custom, { value: words });
  Object.defineProperty(strategy, 'toJSON', { value: words });
}

function readNarrowing(method: Method, options: unknown, given: Narrowing): Narrowing {
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
