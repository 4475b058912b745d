/** Separates resource limits of this process and its machine (descriptors, ports, memory) from faults of a peer. */
import type * as Fs from 'node:fs';
import { createRequire } from 'node:module';
import type * as Os from 'node:os';

const require = createRequire(import.meta.url);

/** A connection could not be opened or used because this process or its machine has no resources left. */
export class OwnLimit extends Error {
  override readonly name = 'OwnLimit';

  constructor(
    /** The error code of the system, such as `EMFILE`. */
    readonly code: string,
    cause: unknown,
  ) {
    super('this process has reached a limit of its own', { cause });
  }
}

const EXHAUSTED: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EAGAIN', 'EAI_MEMORY']);
/** No local port is left, or the machine has no address of this family. */
const NO_LOCAL_ADDRESS: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'EADDRINUSE']);
/** A lookup of a name reads files and opens a socket; without descriptors the resolver reports one of these. */
const LOOKUP_FAILED: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_SYSTEM', 'EAI_NODATA']);
const LOOKUP_DESCRIPTORS = 3;

interface SystemError {
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly errors?: unknown;
  readonly cause?: unknown;
}

/**
 * Returns the limit of this process that caused an error; undefined if the cause is the peer or the network.
 *
 * @param error The error of a connection or of a name lookup.
 * @example ownLimitOf(Object.assign(new Error(), { code: 'EMFILE' }))?.code // 'EMFILE'
 */
export function ownLimitOf(error: unknown): OwnLimit | undefined {
  if (error instanceof OwnLimit) return error;
  const code = limitCode(error);
  return code === undefined ? undefined : new OwnLimit(code, error);
}

function limitCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, syscall, errors, cause } = error as SystemError;
  // A host name with several addresses: Node tries each of them and reports all failures.
  if (Array.isArray(errors) && errors.length > 0) return ofSeveral(errors.map(limitCode));
  if (typeof code === 'string') {
    if (EXHAUSTED.has(code) || NO_LOCAL_ADDRESS.has(code)) return code;
    if (syscall === 'getaddrinfo' && LOOKUP_FAILED.has(code)) return descriptorLimit();
  }
  return cause === undefined ? undefined : limitCode(cause);
}

/** A machine without IPv6 has no local address for `::1`. A refusal by `127.0.0.1` is then a fault of the endpoint. */
function ofSeveral(codes: readonly (string | undefined)[]): string | undefined {
  const exhausted = codes.find((code) => code !== undefined && EXHAUSTED.has(code));
  return exhausted ?? (codes.every((code) => code !== undefined) ? codes[0] : undefined);
}

/** Opens as many descriptors as a lookup may need. Returns the error code if that fails. */
function descriptorLimit(): string | undefined {
  const { closeSync, openSync } = require('node:fs') as typeof Fs;
  const { devNull } = require('node:os') as typeof Os;
  const opened: number[] = [];
  try {
    while (opened.length < LOOKUP_DESCRIPTORS) opened.push(openSync(devNull, 'r'));
    return undefined;
  } catch (error) {
    const { code } = error as SystemError;
    return typeof code === 'string' && EXHAUSTED.has(code) ? code : undefined;
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}
