/** The auth methods of a configuration that is evaluated and not served: no network, no hash, no external code. */
import type { Authenticator } from './combine.js';
import type { CompiledMethod, CompiledMethods } from './compile.js';
import { readOffer, type Place } from './credentials.js';
import { recall, type RecordedMethod } from './live-verdicts.js';
import type { Method, MethodDeps, MethodStrategy } from './method.js';
import { compiledMethod, readerOf, type MethodInUse } from './methods-in-use.js';
import { methodOfType } from './methods.js';
import { NotEvaluatedError } from '../lib/not-evaluated.js';
import { sharedPlaces, withoutKnown } from './shared-places.js';
import { holdsRefused, keepUndecided } from './undecided.js';
import type { Verdict } from './verdict.js';

export type OfflineDeps = Omit<MethodDeps, 'shared' | 'metrics'> & Required<Pick<MethodDeps, 'offline'>>;

interface OfflineMethod {
  readonly name: string;
  readonly compiled: CompiledMethod;
  readonly strategy?: MethodStrategy;
  readonly shared: readonly Place[];
}

export interface OfflineMethods {
  readonly compiled: CompiledMethods;
  close(): Promise<void>;
}

/**
 * Each method repeats the verdict of the live method with the same options. Another method computes its verdict if it can,
 * and throws a `NotEvaluatedError` if it cannot.
 */
export function offlineMethods(planned: readonly MethodInUse[], deps: OfflineDeps): OfflineMethods {
  const methods = planned.map((each) => {
    const others = planned.filter((other) => other !== each);
    return offlineMethod(each, sharedPlaces(readerOf(each).places, others.map(readerOf)), deps);
  });
  const owners = methods.filter(({ shared, strategy }) => shared.length > 0 && strategy?.ownValues !== undefined);
  const compiled = methods.map(({ name, compiled: own }) => {
    const others = owners.flatMap((owner) => (owner.name !== name && owner.strategy ? [owner.strategy] : []));
    return [name, withoutKnown(own, others)] as const;
  });
  const close = async (): Promise<void> => {
    await Promise.all(methods.flatMap(({ strategy }) => strategy?.close() ?? []));
  };
  return { compiled: new Map(compiled), close };
}

function offlineMethod(planned: MethodInUse, shared: readonly Place[], deps: OfflineDeps): OfflineMethod {
  const { name, type, options } = planned;
  const method = { name, type, options, shared };
  if (type === 'strategy') {
    const compiled = { places: [], authenticate: notRun(name) };
    return { name, shared, compiled: recalling(method, compiled) };
  }
  const registered = methodOfType(type);
  if (!registered) throw new TypeError(`no method is of the type ${JSON.stringify(type)}`);
  const strategy = registered.offline ? registered.compile(options, { ...deps, shared }) : undefined;
  const own = compiledMethod(registered, options, strategy ?? UNUSED);
  const authenticate = strategy ? own.authenticate : unasked(registered, own);
  return { name, shared, ...(strategy && { strategy }), compiled: recalling(method, { ...own, authenticate }) };
}

/** Replaces the strategy of a method that never runs here. */
const UNUSED = { ready: Promise.resolve(), close: () => Promise.resolve() } as unknown as MethodStrategy;

/** The verdict of the live method, if it has the same options. */
function recalling(method: RecordedMethod, own: CompiledMethod): CompiledMethod {
  const { places, authenticate: otherwise } = own;
  const absent = absentFrom(own);
  const authenticate: Authenticator = (attempt) => {
    const { request, refused } = attempt;
    if (holdsRefused(request, { places, refused })) return absent;
    const verdict = recall(attempt, { method, places });
    return verdict ? keepUndecided(request, places, verdict) : otherwise(attempt);
  };
  return { ...own, authenticate };
}

const absentFrom = ({ challenge }: CompiledMethod): Verdict => ({
  kind: 'absent',
  challenges: challenge ? [challenge] : [],
});

/** A method whose places are known is absent without a credential in them. */
function unasked({ name, ambient }: Method, own: CompiledMethod): Authenticator {
  const run = notRun(name);
  if (ambient === 'unknown') return run;
  const absent = absentFrom(own);
  return (attempt) => (readOffer(attempt.request, own.places).kind === 'none' ? absent : run(attempt));
}

function notRun(name: string): Authenticator {
  return () => {
    throw new NotEvaluatedError(
      undefined,
      `${name}: it runs only for the live configuration, and there is no verdict of it`,
    );
  };
}
