/** The headers that admission adds to an answer. */
import type { ServerResponse } from 'node:http';
import type { Admitted } from './admit.js';
import { privateResponse } from './upstream.js';

/** What the caller's limit is, and that no shared cache may serve one caller's answer to another. */
export function decorate(res: ServerResponse, { guard, rateLimit }: Admitted): void {
  for (const [name, value] of Object.entries(rateLimit)) res.setHeader(name, value);
  // An optional route is open, and yet answers each caller differently.
  if (guard.requirement.kind !== 'open') privateResponse(guard.vary)(res);
}
