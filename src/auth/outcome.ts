/** How our strategies tell absent, rejected, answered and unavailable apart while they stay plain Passport strategies. */
import type { Absent, Answered, Rejected, Unavailable } from './verdict.js';

/** The info of `fail(info, status)` from a strategy of ours; a plain Passport host sees a message and a status. */
export class FailInfo {
  readonly message: string;
  constructor(readonly verdict: Absent | Rejected | Answered) {
    if (verdict.kind === 'answered') this.message = 'answered';
    else this.message = verdict.kind === 'absent' ? 'credential_missing' : verdict.reason;
  }
}

/** The error of `error(cause)` from a strategy that could not decide; answered 503 or, where it was not tried, 429; never 401. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
  readonly status: 429 | 503;
  declare readonly verdict: Unavailable;
  constructor(verdict: Unavailable) {
    super(verdict.reason, { cause: verdict.cause });
    // It may hold credentials, and loggers write what of an error is enumerable.
    Object.defineProperty(this, 'verdict', { value: verdict });
    this.status = verdict.reason === 'throttled' ? 429 : 503;
  }
}
