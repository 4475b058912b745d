/** Reports absent, rejected, answered and unavailable from a Loom strategy through the Passport interface. */
import { copyOf } from './identity.js';
import type { MaybePromise } from '../lib/types.js';
import type { Absent, Answered, Rejected, Unavailable, Verdict } from './verdict.js';

/** The info of `fail(info, status)` from a strategy of Loom. A plain Passport host sees a message and a status. */
export class FailInfo {
  readonly message: string;
  constructor(readonly verdict: Absent | Rejected | Answered) {
    if (verdict.kind === 'answered') this.message = 'answered';
    else this.message = verdict.kind === 'absent' ? 'credential_missing' : verdict.reason;
  }
}

/**
 * The error of `error(cause)` from a strategy that could not decide. The response is 503, or 429 if the check did not
 * run; never 401.
 */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
  readonly status: 429 | 503;
  declare readonly verdict: Unavailable;
  constructor(verdict: Unavailable) {
    super(verdict.reason, { cause: verdict.cause });
    // The verdict may contain credentials, and loggers write the enumerable properties of an error.
    Object.defineProperty(this, 'verdict', { value: verdict });
    this.status = verdict.reason === 'throttled' ? 429 : 503;
  }
}

/** The calls that Passport adds to a strategy. */
interface Calls {
  success(user: unknown): void;
  fail(info: FailInfo, status: number): void;
  error(cause: Error): void;
}

/** Reports the verdict of a strategy of Loom that runs in Passport, with a copy of its identity. */
export function reportVerdict(calls: Calls, verdict: MaybePromise<Verdict>): void {
  if (verdict instanceof Promise) {
    // If `success` of a host throws, the unhandled rejection must not end the process.
    verdict.then((late) => report(calls, late)).catch((bug: unknown) => calls.error(bug as Error));
  } else report(calls, verdict);
}

function report(calls: Calls, verdict: Verdict): void {
  if (verdict.kind === 'granted') calls.success(verdict.identities.map(copyOf)[0]);
  else if (verdict.kind === 'unavailable') calls.error(new UnavailableError(verdict));
  else calls.fail(new FailInfo(verdict), verdict.kind === 'rejected' ? verdict.status : 401);
}
