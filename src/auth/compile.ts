/** A requirement compiled into one authenticator over the methods of a file. */
import type { NonEmpty } from '../lib/types.js';
import { all, any, claimed, open, optional, type Authenticator } from './combine.js';
import { readOffer, type Place } from './credentials.js';
import type { Identity } from './identity.js';
import { methodsOf, type Narrowing, type Requirement } from './requirement.js';
import type { Challenge, ReasonCode, Rejected, Verdict } from './verdict.js';

/** A method of the file, ready to judge requests. */
export interface CompiledMethod {
  readonly authenticate: Authenticator;
  readonly places: readonly Place[];
  readonly challenge?: Challenge;
  readonly judge?: (narrowing: Narrowing, identity: Identity) => ReasonCode | undefined;
  /** Reads a narrowing that no file was checked for; throws a TypeError where it would not narrow as written. */
  readonly readNarrowing?: (given: Narrowing) => Narrowing;
}

export type CompiledMethods = ReadonlyMap<string, CompiledMethod>;

/** One function for one route: made at load, so that a request pays for the verdict alone. */
export function compileRequirement(requirement: Requirement, methods: CompiledMethods): Authenticator {
  return requirement.kind === 'all' ? compilePart(requirement, methods) : compileClaimed(requirement, methods);
}

function compileClaimed(requirement: Requirement, methods: CompiledMethods): Authenticator {
  const listed = methodsOf(requirement).flatMap((name) => methodNamed(methods, name).places);
  return claimed(compilePart(requirement, methods), listed);
}

/** A requirement from a host's code, its narrowings checked as those of a file are. */
export function readRequirement(given: Requirement, methods: CompiledMethods): Requirement {
  switch (given.kind) {
    case 'open':
      return given;
    case 'method': {
      const { readNarrowing } = methodNamed(methods, given.name);
      return given.narrow && readNarrowing ? { ...given, narrow: readNarrowing(given.narrow) } : given;
    }
    case 'optional':
      return { ...given, of: readRequirement(given.of, methods) };
    case 'any':
    case 'all': {
      const [first, ...rest] = given.of;
      return { ...given, of: [readRequirement(first, methods), ...rest.map((part) => readRequirement(part, methods))] };
    }
    default:
      throw new TypeError('a requirement is open, method, optional, any or all');
  }
}

function compilePart(requirement: Requirement, methods: CompiledMethods): Authenticator {
  switch (requirement.kind) {
    case 'open':
      return open;
    case 'method':
      return signed(requirement.name, compileMethod(requirement, methods));
    case 'optional': {
      const everyPlace = [...methods.values()].flatMap((each) => each.places);
      return optional(claimed(compilePart(requirement.of, methods), everyPlace.map(inAnyScheme)));
    }
    case 'any':
      return any(compileParts(requirement.of, methods), requirement.onInvalid);
    case 'all':
      // Each part for its own places: what one of them granted is not what the next one misses.
      return all(compileParts(requirement.of, methods, compileClaimed));
  }
}

/** `Token eyJ…` where `Bearer` is configured: whoever means to be known is not let in as nobody. */
function inAnyScheme(place: Place): Place {
  return place.in === 'header' ? { in: 'header', name: place.name } : place;
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

/** What a method refuses carries its name: of several that were asked, one refused. */
function signed(method: string, authenticate: Authenticator): Authenticator {
  const sign = (verdict: Verdict): Verdict =>
    verdict.kind === 'granted' || verdict.kind === 'absent' ? verdict : { ...verdict, refusedBy: method };
  return (attempt) => {
    const verdict = authenticate(attempt);
    return verdict instanceof Promise ? verdict.then(sign) : sign(verdict);
  };
}

function compileMethod({ name, narrow }: Requirement & { kind: 'method' }, methods: CompiledMethods): Authenticator {
  const method = methodNamed(methods, name);
  const { judge } = method;
  if (!narrow) return method.authenticate;
  if (!judge) throw new TypeError(`${name} cannot be narrowed`);
  const narrowed = (verdict: Verdict, credential: () => string | undefined): Verdict => {
    if (verdict.kind !== 'granted') return verdict;
    const reason = verdict.identities.map((each) => judge(narrow, each)).find((each) => each !== undefined);
    return reason === undefined ? verdict : refusal(reason, { method, narrow, credential: credential() });
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

/** The right identity that may not pass here: 403, with the scope it would need (RFC 6750 §3.1). */
function refusal(reason: ReasonCode, { method, narrow, credential }: Refusal): Rejected {
  const scopes = narrow['required_scopes'];
  const scope: Record<string, string> = Array.isArray(scopes) ? { scope: scopes.join(' ') } : {};
  const challenges: Challenge[] =
    reason === 'insufficient_scope' && method.challenge
      ? [{ scheme: method.challenge.scheme, params: { ...method.challenge.params, error: reason, ...scope } }]
      : [];
  return { kind: 'rejected', status: 403, reason, challenges, ...(credential === undefined ? {} : { credential }) };
}
