/** The rules that only `check` runs: they cost time that a start does not have, or give advice. */
import type { Now } from '../../lib/types.js';
import type { Diagnostic } from '../diagnostics.js';
import type { Compiled } from '../index.js';
import { checkExpiry } from './expiry.js';
import { checkExemptRoutes, checkReach } from './limits.js';
import { checkHeaders } from './headers.js';
import { checkIssuers } from './issuers.js';
import { checkSharedIdentity } from './shared-identity.js';
import { checkSharedUpstreams } from './upstreams.js';
import { checkUnixSockets } from './unix-sockets.js';
import { checkSecrets } from './secrets.js';

export interface LintOptions {
  /** What is known of the TLS files already. */
  readonly known: readonly Diagnostic[];
  readonly now: Now;
}

/** Adds what it finds to the report of the compiled file. Call it once, when every other rule has run. */
export function lint({ plan, context }: Compiled, { known, now }: LintOptions): void {
  checkExpiry(context, { known, now: now() });
  checkSecrets(context);
  checkIssuers(plan, context);
  checkHeaders(plan, context);
  checkSharedIdentity(plan, context);
  checkSharedUpstreams(plan, context);
  checkUnixSockets(plan, context);
  checkReach(plan, context);
  checkExemptRoutes(plan, context);
  context.report.reportIgnores();
}
