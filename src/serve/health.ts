/** Answers `health.path` on every listener, before routes: a constant response that needs no credential and no upstream. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Plan } from '../config/plan-types.js';
import { isHealthCheck } from '../http/health-check.js';

const READY = '{"status":"ok"}\n';
const NOT_READY = '{"status":"stopping"}\n';

/** Answers a health check. Returns false for every other request. */
export function answerHealth(
  { health }: Pick<Plan, 'health'>,
  { req, res, ready }: { readonly req: IncomingMessage; readonly res: ServerResponse; readonly ready: boolean },
): boolean {
  if (!isHealthCheck(req, health)) return false;
  const body = ready ? READY : NOT_READY;
  res.writeHead(ready ? 200 : 503, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(!ready && { 'Retry-After': '1', Connection: 'close' }),
  });
  res.end(req.method === 'HEAD' ? undefined : body);
  return true;
}
