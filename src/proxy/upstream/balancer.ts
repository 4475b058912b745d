/** Which endpoint the next request goes to, of those that take any: one function for each algorithm. */
import type { Balancer } from '../../config/plan-types.js';
import { hashOf, scoreOf } from './address-hash.js';

export interface BalancedEndpoint {
  /** Its share under every algorithm; at least 1. */
  readonly weight: number;
  /** Requests and upgraded sockets that it has now. */
  readonly inFlight: number;
  /** `hashOf` its URL. */
  readonly hash: number;
}

/** Undefined where no candidate is usable. `client` is asked for by `ip_hash` alone. */
export type Pick<T extends BalancedEndpoint> = (
  usable: (candidate: T) => boolean,
  client: () => string,
) => T | undefined;

export interface BalancerParts<T extends BalancedEndpoint> {
  readonly algorithm: Balancer;
  readonly candidates: readonly T[];
  /** From 0 to below 1. */
  readonly random: () => number;
}

export function createBalancer<T extends BalancedEndpoint>({
  algorithm,
  candidates,
  random,
}: BalancerParts<T>): Pick<T> {
  switch (algorithm) {
    case 'round_robin':
    case 'weighted':
      return inTurn(candidates);
    case 'least_conn':
      return leastLoaded(candidates);
    case 'random':
      return byLot(candidates, random);
    case 'ip_hash':
      return byClient(candidates);
  }
}

/** Smooth weighted round robin: with equal weights, plainly one after the other. */
function inTurn<T extends BalancedEndpoint>(candidates: readonly T[]): Pick<T> {
  const lots = candidates.map((candidate) => ({ candidate, credit: 0 }));
  return (usable) => {
    let best: (typeof lots)[number] | undefined;
    let total = 0;
    for (const lot of lots) {
      if (!usable(lot.candidate)) continue;
      total += lot.candidate.weight;
      lot.credit += lot.candidate.weight;
      if (!best || lot.credit > best.credit) best = lot;
    }
    if (best) best.credit -= total;
    return best?.candidate;
  };
}

/** The least load for its weight; those that are equal take turns, or all of an idle upstream would go to the first. */
function leastLoaded<T extends BalancedEndpoint>(candidates: readonly T[]): Pick<T> {
  const turn = inTurn(candidates);
  const loadOf = ({ inFlight, weight }: T): number => inFlight / weight;
  return (usable, client) => {
    let least = Infinity;
    for (const candidate of candidates) if (usable(candidate)) least = Math.min(least, loadOf(candidate));
    return turn((candidate) => loadOf(candidate) === least && usable(candidate), client);
  };
}

function byLot<T extends BalancedEndpoint>(candidates: readonly T[], random: () => number): Pick<T> {
  return (usable) => {
    let total = 0;
    for (const candidate of candidates) if (usable(candidate)) total += candidate.weight;
    let lot = random() * total;
    let last: T | undefined;
    for (const candidate of candidates) {
      if (!usable(candidate)) continue;
      last = candidate;
      lot -= candidate.weight;
      if (lot < 0) break;
    }
    return last;
  };
}

/** A client stays where it is for as long as its endpoint takes requests. */
function byClient<T extends BalancedEndpoint>(candidates: readonly T[]): Pick<T> {
  return (usable, client) => {
    const hash = hashOf(client());
    let best: T | undefined;
    let highest = -1;
    for (const candidate of candidates) {
      const score = scoreOf(hash, candidate.hash, candidate.weight);
      if (score <= highest || !usable(candidate)) continue;
      [best, highest] = [candidate, score];
    }
    return best;
  };
}
