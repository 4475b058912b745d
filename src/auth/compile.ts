/** Compiles a requirement into one authenticator over the auth methods of a file. */
import type { IncomingMessage } from 'node:http';
import type { NonEmpty } from '../lib/types.js';
import { all, any, claimed, open, optional, type Authenticator } from './combine.js';
import { isOfferedInAnyScheme, readOffer, type Place } from './credentials.js';
import type { Identity } from './identity.js';
import { describeNarrowing, describeRefusal } from './refusal-detail.js';
import { methodsOf, type Narrowing, type Requirement } from './requirement.js';
import type { Challenge, ReasonCode, Rejected, Verdict } from './verdict.js';

/** An auth method of the file, ready to check requests. */
export interface CompiledMethod {
  readonly authenticate: Authenticator;
  readonly places: readonly Place[];
  readonly challenge?: Challenge;
  readonly judge?: (narrowing: Narrowing, identity: Identity) => ReasonCode | undefined;
  /**
   * Reads a narrowing that was not checked with a file. Throws a TypeError if the narrowing would not have its effect.
   */
  readonly readNarrowing?: (given: Narrowing) => Narrowing;
  /** A plugin with `require_identity: false` grants every request that the plugin does not refuse. */
  readonly needsNoIdentity?: boolean;
  /** The sentence of the strategy about a refusal, for the log. */
  readonly describe?: (request: IncomingMessage, reason: ReasonCode) => string | undefined;
  /** Receives each verdict, for an explanation or a record. `startMs` is of `performance.now()`. */
  readonly heard?: (request: IncomingMessage, verdict: Verdict, startMs: number) => void;
}

export type CompiledMethods = ReadonlyMap<string, CompiledMethod>;

/** Compiles one function for a route at load, so that a request pays only for the verdict. */
export function compileRequirement(requirement: Requirement, methods: CompiledMethods): Authenticator {
  return requirement.kind === 'all' ? compilePart(requirement, methods) : compileClaimed(requirement, methods);
}

function compileClaimed(requirement: Requirement, methods: CompiledMethods): Authenticator {
  const listed = methodsOf(requirement).flatMap((name) => methodNamed(methods, name).places);
  return claimed(compilePart(requirement, methods), listed);
}

/** Reads a requirement from the code of a host. Its narrowings get the same checks as those of a file. */
export function readRequirement(given: Requirement, methods: CompiledMethods): Requirement {
  switch (given.kind) {
    case 'open':
      return given;
    case 'method': {
      const { readNarrowing } = methodNamed(methods, given.name);
      return given.narrow && readNarrowing ? { ...given, narrow: readNarrowing(given.narrow) } : given;
    }
    case 'optional':
      refuseWithoutIdentity(given, methods);
      return { ...given, of: readRequirement(given.of, methods) };
    case 'any':
    case 'all': {
      if (given.kind === 'any' && given.of.length > 1) refuseWithoutIdentity(given, methods);
      const [first, ...rest] = given.of;
      return { ...given, of: [readRequirement(first, methods), ...rest.map((part) => readRequirement(part, methods))] };
    }
    default:
      throw new TypeError('a requirement is open, method, optional, any or all');
  }
}

/** Such a plugin would admit every caller that another method rejects. */
function refuseWithoutIdentity(given: Requirement, methods: CompiledMethods): void {
  const name = methodsOf(given).find((each) => methodNamed(methods, each).needsNoIdentity === true);
  if (name === undefined) return;
  throw new TypeError(`${name} has require_identity: false, so it cannot stand in ${given.kind}`);
}

function compilePart(requirement: Requirement, methods: CompiledMethods): Authenticator {
  switch (requirement.kind) {
    case 'open':
      return open;
    case 'method':
      return signed(requirement.name, methodNamed(methods, requirement.name), compileMethod(requirement, methods));
    case 'optional': {
      const everyPlace = [...methods.values()].flatMap((each) => each.places);
      return optional(claimed(compilePart(requirement.of, methods), everyPlace, isOfferedInAnyScheme));
    }
    case 'any':
      return any(compileParts(requirement.of, methods), requirement.onInvalid);
    case 'all':
      // Each part checks its own places. A credential that one part accepted does not count for another part.
      return all(compileParts(requirement.of, methods, compileClaimed));
  }
}

function compileParts(
  parts: NonEmpty<Requirement>,
  methods: CompiledMethods,
  compile = compilePart,
): NonEmpty<Authenticator> {
  const [first, ...rest] = parts;
  return [compile(first, methods), ...rest.map((part) => compile(part, methods))];
}

function methodNamed(methods: CompiledMethods, name: string): CompiledMethod {
  const method = methods.get(name);
  if (!method) throw new TypeError(`no method is named ${JSON.stringify(name)}`);
  return method;
}

/** Adds the name of the auth method to a refusal, and its sentence for the log. */
function signed(name: string, method: CompiledMethod, authenticate: Authenticator): Authenticator {
  const sign = (verdict: Verdict, request: IncomingMessage): Verdict => {
    if (verdict.kind === 'granted') return verdict;
    if (verdict.kind === 'answered') return { ...verdict, refusedBy: name };
    const detail = (): string => `${name}: ${describeRefusal(request, method, verdict)}`;
    return verdict.kind === 'absent' ? { ...verdict, detail } : { ...verdict, refusedBy: name, detail };
  };
  const run: Authenticator = (attempt) => {
    const verdict = authenticate(attempt);
    return verdict instanceof Promise
      ? verdict.then((each) => sign(each, attempt.request))
      : sign(verdict, attempt.request);
  };
  return method.heard ? reported(run, method.heard) : run;
}

function reported(run: Authenticator, heard: NonNullable<CompiledMethod['heard']>): Authenticator {
  return (attempt) => {
    const startMs = performance.now();
    const verdict = run(attempt);
    if (!(verdict instanceof Promise)) {
      heard(attempt.request, verdict, startMs);
      return verdict;
    }
    return verdict.then((late) => {
      heard(attempt.request, late, startMs);
      return late;
    });
  };
}

function compileMethod(
  { name, narrow, identity }: Requirement & { kind: 'method' },
  methods: CompiledMethods,
): Authenticator {
  const method = methodNamed(methods, name);
  const { judge } = method;
  if (!narrow) return identity ? (attempt) => method.authenticate({ ...attempt, identity }) : method.authenticate;
  if (!judge) throw new TypeError(`${name} cannot be narrowed`);
  const narrowed = (verdict: Verdict, credential: () => string | undefined): Verdict => {
    if (verdict.kind !== 'granted') return verdict;
    const reason = verdict.identities.map((each) => judge(narrow, each)).find((each) => each !== undefined);
    if (reason === undefined) return verdict;
    const detail = (): string => describeNarrowing(reason, narrow, verdict.identities);
    return { ...refusal(reason, { method, narrow, credential: credential() }), detail };
  };
  return (attempt) => {
    const credential = (): string | undefined => {
      const offer = readOffer(attempt.request, method.places);
      return offer.kind === 'one' ? offer.value : undefined;
    };
    const verdict = method.authenticate(attempt);
    return verdict instanceof Promise
      ? verdict.then((each) => narrowed(each, credential))
      : narrowed(verdict, credential);
  };
}

interface Refusal {
  readonly method: CompiledMethod;
  readonly narrow: Narrowing;
  readonly credential: string | undefined;
}

/** A valid identity that is not allowed here: 403, with the required scope (RFC 6750 §3.1). */
function refusal(reason: ReasonCode, { method, narrow, credential }: Refusal): Rejected {
  const scopes = [narrow['required_scopes'], narrow['any_scope']].flat().filter((each) => typeof each === 'string');
  const scope: Record<string, string> = scopes.length > 0 ? { scope: scopes.join(' ') } : {};
  const challenges: Challenge[] =
    reason === 'insufficient_scope' && method.challenge
      ? [{ scheme: method.challenge.scheme, params: { ...method.challenge.params, error: reason, ...scope } }]
      : [];
  return { kind: 'rejected', status: 403, reason, challenges, ...(credential === undefined ? {} : { credential }) };
}
