/** Compiles a large file in a thread, so that requests do not wait. The thread ends with its answer. */
import { statSync } from 'node:fs';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { ConfigError } from '../config/diagnostics.js';
import { readGiven } from '../config/given.js';
import type { Compiled, CompileOptions } from '../config/index.js';
import type { Plan } from '../config/plan-types.js';
import type { Path } from '../config/report.js';
import type { ConfigSource } from '../config/source.js';
import type { PlanChange } from '../difference/plan-change.js';
import { inSlices, type Steps } from '../lib/slices.js';
import { within } from '../lib/within.js';
import type { AccessFindings } from '../routing/access-findings.js';
import type { AccessRules } from '../routing/access-rules.js';
import type { OldRoutes, ThreadResult, ThreadTask } from './compile-thread.js';
import { COMPILE_THREAD } from './compile-thread-file.js';
import { ArrivingPlan, headOf, piecesOf, type RoutePiece } from './travelling-plan.js';

/** Compiling a smaller file takes less time than the start of a thread. */
const LARGE_BYTES = 32_768;

/**
 * Whether a thread should compile the source, because requests would wait too long. An object of a host cannot be sent
 * to a thread as it is, and the permission model of Node may forbid threads.
 */
export function isForThread(source: ConfigSource): boolean {
  const { file, text, config } = readGiven(source);
  const mayStart = (process.permission as typeof process.permission | undefined)?.has('worker') !== false;
  return config === undefined && mayStart && (text?.length ?? sizeOf(file)) >= LARGE_BYTES;
}

/** The compiler says why a file cannot be read. */
function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

export interface ApartOptions {
  readonly options: Pick<CompileOptions, 'mode' | 'strict' | 'strategies'>;
  /** The plan in force. */
  readonly before: Plan;
  /**
   * Whether all that the file changes is shown. Otherwise only who may pass is compared. Default: whether the plan in force
   * has an admin address.
   */
  readonly isShown?: boolean;
  readonly standalone: boolean;
  /** Receives the marks of the files that the thread has read, whether the file is right or not. */
  readonly marked: (marks: ReadonlyMap<string, string>) => void;
  /** Ends the thread. */
  readonly signal: AbortSignal;
  /** Default: two minutes. */
  readonly deadlineMs?: number;
}

/** A file that never ends, such as a pipe, blocks the thread. Later reloads wait for this one. */
const DEADLINE_MS = 120_000;

export interface CompiledApart {
  readonly compiled: Pick<Compiled, 'plan' | 'warnings' | 'placeAt'> & {
    /** Whether the author of the file accepts warnings about the TLS file of the option. */
    readonly isIgnored: (path: Path) => boolean;
  };
  readonly findings: AccessFindings;
  /** What the new plan changes, for the record on an admin address. */
  readonly found?: PlanChange | undefined;
}

/**
 * @throws {ConfigError} The file is wrong.
 */
export async function compileApart(source: ConfigSource, parts: ApartOptions): Promise<CompiledApart> {
  const { options, standalone, before, signal, deadlineMs = DEADLINE_MS } = parts;
  signal.throwIfAborted();
  const { port1: port, port2 } = new MessageChannel();
  const { isShown = before.admin !== undefined } = parts;
  const old = headOf(isShown ? before : rulesOf(before));
  const workerData: ThreadTask = { source: plain(source), options, old, standalone, port: port2 };
  const worker = new Worker(COMPILE_THREAD, {
    workerData,
    transferList: [port2],
    // Preloaded code of the process is not for this thread.
    ...{ argv: [], execArgv: [], name: 'reload' },
  });
  try {
    const answered = answerOf(worker, { signal, deadlineMs });
    // Handled below: the thread may end while the rules are sent.
    answered.catch(() => undefined);
    await inSlices(sent(before.routes, port));
    await answered;
    return await inSlices(received(port, parts));
  } catch (cause) {
    signal.throwIfAborted();
    throw cause;
  } finally {
    port.close();
    // Not awaited: a thread that waits for a file ends with its read.
    void worker.terminate();
  }
}

/** Resolves at the first message of the thread. */
function answerOf(
  worker: Worker,
  { signal, deadlineMs }: Required<Pick<ApartOptions, 'signal' | 'deadlineMs'>>,
): Promise<void> {
  const over = new AbortController();
  const answer = new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve());
    // Such as a heap that is too small. The listener stays, because an error after the message must not end the process.
    worker.on('error', reject);
    worker.once('exit', () => reject(new Error('the thread that compiles the file has ended')));
    signal.addEventListener('abort', () => reject(signal.reason as Error), { signal: over.signal });
  });
  const words = `the thread that compiles the file has not answered in ${deadlineMs / 1_000} s`;
  return within(deadlineMs, answer, () => new Error(words)).finally(() => over.abort());
}

function rulesOf({ listeners, unmatched, opens }: Plan): Omit<AccessRules, 'routes'> {
  return { listeners, ...(unmatched && { unmatched }), ...(opens && { opens }) };
}

function* sent(routes: AccessRules['routes'], port: MessagePort): Steps<void> {
  for (const piece of piecesOf(routes)) {
    port.postMessage(piece satisfies OldRoutes);
    yield;
  }
  port.postMessage(undefined satisfies OldRoutes);
}

function* received(port: MessagePort, { marked }: ApartOptions): Steps<CompiledApart> {
  const result = next(port) as ThreadResult;
  marked(result.marks);
  if (result.kind === 'refused') throw new ConfigError(result.diagnostics);
  if (result.kind === 'failed') throw result.cause;
  const arriving = new ArrivingPlan(result.head);
  for (let piece = 0; piece < result.pieces; piece += 1) {
    yield;
    arriving.add(next(port) as RoutePiece);
  }
  const { plan } = arriving;
  const whole = { file: plan.file, line: 1, column: 1, path: '' };
  const placeAt: Compiled['placeAt'] = (path) => result.tls.places.get(JSON.stringify(path)) ?? whole;
  const isIgnored = (path: Path): boolean => result.tls.ignored.has(JSON.stringify(path));
  const { findings, found } = result;
  return { compiled: { plan, warnings: plan.warnings, placeAt, isIgnored }, findings, found };
}

function next(port: MessagePort): unknown {
  return receiveMessageOnPort(port)?.message as unknown;
}

/** A message holds plain objects only. `process.env` is another kind of object. */
function plain(source: ConfigSource): ConfigSource {
  const { file, text, env } = readGiven(source);
  const given = { file, ...(env && { env: { ...env } }) };
  return text === undefined ? given : { ...given, text };
}
