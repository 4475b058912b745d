/** Describes what each auth method found in a request: places, kinds and lengths, never a credential. */
import type { IncomingMessage } from 'node:http';
import type { CompiledMethod, CompiledMethods } from '../auth/compile.js';
import { readOffer, type Offer, type Place } from '../auth/credentials.js';
import { textOf } from '../auth/refusal-detail.js';
import type { Verdict } from '../auth/verdict.js';
import { findContext, type MethodOutcome, type RequestContext } from '../context/request-context.js';
import { looksLikeJws } from '../lib/jws-form.js';
import type { CredentialFinding, MethodFinding } from '../observe/decision-record.js';

/** The methods that note their verdicts in the context of the request. */
export function observedMethods(methods: CompiledMethods): CompiledMethods {
  return new Map([...methods].map(([name, method]) => [name, { ...method, heard: observerOf(name, method) }]));
}

function observerOf(method: string, { places }: CompiledMethod): NonNullable<CompiledMethod['heard']> {
  return (request, verdict, startMs) => {
    const context = findContext(request);
    if (!context?.records) return;
    const outcome = { method, places, verdict, elapsedMs: performance.now() - startMs, cache: context.cacheState };
    context.cacheState = undefined;
    if (context.methodOutcomes) context.methodOutcomes.push(outcome);
    else context.methodOutcomes = [outcome];
  };
}

/** A request with more methods has a bounded record. */
const MOST_METHODS = 8;
const LONGEST_DETAIL = 300;

/** Describes the methods of a denied request. It reads the request, so it is called before the request ends. */
export function findingsOf({ request, methodOutcomes = [] }: RequestContext): readonly MethodFinding[] {
  const alone = methodOutcomes.length === 1;
  return methodOutcomes.slice(0, MOST_METHODS).map((outcome) => ({
    ...shortFinding(outcome),
    places: outcome.places.map(textOf),
    found: outcome.places.flatMap((place) => foundAt(request, place)),
    // The detail of the only method is the detail of the record.
    ...(alone ? {} : detailOf(outcome)),
  }));
}

/** The part of a finding that needs no request. */
export function shortFinding({ method, verdict, elapsedMs, cache }: MethodOutcome): MethodFinding {
  const reason = reasonOf(verdict);
  const about = { method, verdict: verdict.kind, ...(reason && { reason }) };
  return { ...about, elapsed_ms: rounded(elapsedMs), ...(cache && { cache }) };
}

export function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

function reasonOf(verdict: Verdict): MethodFinding['reason'] {
  if (verdict.kind === 'absent') return 'credential_missing';
  return verdict.kind === 'rejected' || verdict.kind === 'unavailable' ? verdict.reason : undefined;
}

function detailOf({ method, verdict }: MethodOutcome): { readonly detail?: string } {
  if (verdict.kind === 'granted' || verdict.kind === 'answered' || !verdict.detail) return {};
  const detail = verdict.detail();
  const own = detail.startsWith(`${method}: `) ? detail.slice(method.length + 2) : detail;
  return { detail: own.slice(0, LONGEST_DETAIL) };
}

function foundAt(request: IncomingMessage, place: Place): readonly CredentialFinding[] {
  const offer = readOffer(request, [place]);
  if (offer.kind === 'none') return [];
  const value = offer.kind === 'one' ? offer.value : '';
  return [{ place: textOf(place), kind: kindOf(offer, place), length: value.length }];
}

function kindOf(offer: Offer, place: Place): string {
  if (offer.kind === 'many') return 'several values';
  if (offer.kind !== 'one') return 'malformed value';
  if (looksLikeJws(offer.value)) return 'JWT';
  return place.in === 'header' && place.scheme === 'basic' ? 'user and password' : 'opaque value';
}
