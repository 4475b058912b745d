/** Recognizes a health check on a listener, which needs no credential and no route. */
import type { IncomingMessage } from 'node:http';
import { createFramingCheck } from './framing.js';
import { hasBody } from './request-body.js';

const check = createFramingCheck([]);

/**
 * Whether the request is a health check: the exact bytes of the path, and neither doubtful framing nor a body. Admission
 * refuses or routes every other request.
 */
export function isHealthCheck(req: IncomingMessage, health: { readonly path: string } | undefined): boolean {
  if (health === undefined || req.url !== health.path || (req.method !== 'GET' && req.method !== 'HEAD')) return false;
  return !hasBody(req) && !check(req);
}
