/** Auth methods that read their credentials from one place: the order, and the combinations that no request meets. */
import { placeWords, type Place } from '../../auth/credentials.js';
import { methodOfType } from '../../auth/methods.js';
import type { Requirement } from '../../auth/requirement.js';
import { overlap, sharedPlaces } from '../../auth/shared-places.js';
import type { Context } from '../context.js';
import type { PlannedMethod } from '../plan-types.js';
import { AUTH } from '../plan/methods.js';
import type { Draft } from '../plan/plan.js';
import type { Path } from '../report.js';

export function checkSharedPlaces({ plan, places }: Draft, context: Context): void {
  const { methods } = plan;
  for (const each of methods) tellSharedFindings(each, methods, context);
  const byName = new Map(methods.map((each) => [each.name, each]));
  const faults = new Set<string>();
  const check = (requirement: Requirement, path: Path): void => {
    const fault = faultOf(requirement, byName);
    if (fault === undefined) return;
    faults.add(fault);
    context.report.error({ path, code: 'shared_place', message: fault });
  };
  // Routes without their own `auth` have the requirement of the chain. The file has the error once.
  const told = new Set<string>();
  plan.routes.forEach(({ requirement }, at) => {
    const own: Path = ['routes', places[at] as number, 'auth'];
    const path = context.has(own) ? own : [...AUTH, 'chain'];
    if (told.has(JSON.stringify(path))) return;
    told.add(JSON.stringify(path));
    check(requirement, path);
  });
  // A route that takes the chain has told its fault already.
  const fault = plan.unmatched && faultOf(plan.unmatched, byName);
  if (plan.unmatched && fault !== undefined && !faults.has(fault)) check(plan.unmatched, [...AUTH, 'chain']);
}

function tellSharedFindings(
  { name, type, places, options }: PlannedMethod,
  all: Draft['plan']['methods'],
  { report }: Context,
) {
  const method = methodOfType(type);
  if (!method?.sharedFindings) return;
  const shared = sharedPlaces(
    places,
    all.filter((other) => other.name !== name),
  );
  for (const { path, message } of method.sharedFindings(options, shared)) {
    report.error({ path: [...AUTH, name, ...path], code: 'shared_place', message });
  }
}

type Methods = ReadonlyMap<string, PlannedMethod>;

function faultOf(requirement: Requirement, methods: Methods): string | undefined {
  switch (requirement.kind) {
    case 'open':
    case 'method':
      return undefined;
    case 'optional':
      return faultOf(requirement.of, methods);
    case 'any':
      return orderFault(methodsIn(requirement, methods)) ?? innerFault(requirement.of, methods);
    case 'all':
      return combinationFault(methodsIn(requirement, methods)) ?? innerFault(requirement.of, methods);
  }
}

function innerFault(parts: readonly Requirement[], methods: Methods): string | undefined {
  return parts.map((part) => faultOf(part, methods)).find((fault) => fault !== undefined);
}

/** The methods that are direct parts of a list. */
function methodsIn({ of }: Requirement & { kind: 'any' | 'all' }, methods: Methods): readonly PlannedMethod[] {
  return of.flatMap((part) => (part.kind === 'method' ? (methods.get(part.name) ?? []) : []));
}

/** Otherwise each key would be sent to the server of the other method. */
function orderFault(list: readonly PlannedMethod[]): string | undefined {
  for (const [at, sender] of list.entries()) {
    if (sender.values !== 'sent') continue;
    const later = list.slice(at + 1).find((each) => each.values === 'looked_up' && commonPlace(sender, each));
    const place = later && commonPlace(sender, later);
    if (place)
      return `${later.name} must be before ${sender.name}: both read ${placeWords(place)}, and keys would be sent to a server`;
  }
  return undefined;
}

function combinationFault(list: readonly PlannedMethod[]): string | undefined {
  for (const [at, first] of list.entries()) {
    for (const second of list.slice(at + 1)) {
      const place = commonPlace(first, second);
      const names = `${first.name} and ${second.name}`;
      if (place && (isLookedUp(first) || isLookedUp(second) || !isUnknown(first, second)))
        return `${names} are both required, and both read ${placeWords(place)}: give one of them another place`;
      const header = onlyHeaderOf(first);
      if (header !== undefined && header === onlyHeaderOf(second))
        return `${names} are both required, and each reads only the header ${header}, which holds one credential`;
    }
  }
  return undefined;
}

const isLookedUp = ({ values }: PlannedMethod): boolean => values === 'looked_up';
const isUnknown = (...methods: readonly PlannedMethod[]): boolean =>
  methods.some(({ ambient }) => ambient === 'unknown');

/** A subprotocol is a place of each token method, and only of handshakes. */
function configuredPlaces(method: PlannedMethod): readonly Place[] {
  return method.places.filter((place) => place.in !== 'subprotocol');
}

function commonPlace(first: PlannedMethod, second: PlannedMethod): Place | undefined {
  const others = configuredPlaces(second);
  return configuredPlaces(first).find((place) => others.some((other) => overlap(place, other)));
}

/** The header, if the method reads no other place. */
function onlyHeaderOf(method: PlannedMethod): string | undefined {
  const places = configuredPlaces(method);
  const [first] = places;
  const isOnly = first?.in === 'header' && places.every((place) => place.in === 'header' && place.name === first.name);
  return isOnly && method.ambient !== 'unknown' ? first.name : undefined;
}
