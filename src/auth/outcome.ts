/** Reports absent, rejected, answered and unavailable from a Loom strategy through the Passport interface. */
import type { Absent, Answered, Rejected, Unavailable } from './verdict.js';

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
