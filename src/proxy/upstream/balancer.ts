/** Chooses the endpoint of the next request among the usable endpoints, with one function for each algorithm. */
import type { Balancer } from '../../config/plan-types.js';
import { hashOf, scoreOf } from './address-hash.js';

export interface BalancedEndpoint {
  /** The share of requests under every algorithm; at least 1. */
  readonly weight: number;
  /** The number of current requests and upgraded sockets. */
  readonly inFlight: number;
  /** `hashOf` the endpoint's URL. */
  readonly hash: number;
}

/** Returns undefined if no candidate is usable. Only `ip_hash` calls `client`. */
export type Pick<T extends BalancedEndpoint> = (
  usable: (candidate: T) => boolean,
  client: () => string,
) => T | undefined;

export interface BalancerParts<T extends BalancedEndpoint> {
  readonly algorithm: Balancer;
  readonly candidates: readonly T[];
  /** A number from 0 to below 1. */
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

/** Smooth weighted round robin. With equal weights the candidates simply alternate. */
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

/**
 * Chooses the least load relative to the weight. Equal candidates alternate. Otherwise an idle upstream would send
 * everything to the first endpoint.
 */
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

/** A client keeps its endpoint for as long as the endpoint takes requests. */
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
