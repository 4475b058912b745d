/** Writes CORS response headers and answers preflight requests (Fetch standard, CORS). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type * as CorsPackage from 'cors';
import type { PlannedCors } from '../config/plan-types.js';
import { matchesOrigin, parseOrigin, type OriginPattern } from '../lib/origin-pattern.js';
import { hasBody } from '../http/request-body.js';
import type { Denial } from './denial.js';

const require = createRequire(import.meta.url);

/** The parts of a request that determine its CORS headers. They are read before any code edits the request. */
export interface CorsQuestion {
  readonly origin: string | undefined;
  readonly preflight: boolean;
}

/** Replaces the CORS headers of a response. */
export type Cors = (question: CorsQuestion, res: ServerResponse) => void;

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

export function corsQuestionOf(req: IncomingMessage): CorsQuestion {
  const { origin, 'access-control-request-method': method } = req.headers;
  // No browser sends a preflight with a body. An OPTIONS request with a body is an ordinary request.
  const preflight = req.method === 'OPTIONS' && origin !== undefined && TOKEN.test(method ?? '') && !hasBody(req);
  return { origin, preflight };
}

export function createCors(planned: PlannedCors): Cors {
  const patterns = planned.origins.map(parseOrigin).filter((each): each is OriginPattern => typeof each === 'object');
  const everybody = patterns.some(({ kind }) => kind === 'any');
  const allows = (origin: string): boolean =>
    patterns.some((pattern) => pattern.kind !== 'any' && matchesOrigin(pattern, origin));
  const cors = require('cors') as typeof CorsPackage.default;
  const write = cors({
    // For an origin that is not allowed, `false` makes the library write no header.
    origin: (origin, answer) => answer(null, everybody ? '*' : origin !== undefined && allows(origin) && origin),
    methods: [...planned.methods],
    allowedHeaders: [...planned.headers],
    exposedHeaders: [...planned.exposedHeaders],
    credentials: planned.credentials,
    ...(planned.maxAgeSeconds !== undefined && { maxAge: planned.maxAgeSeconds }),
    preflightContinue: true,
  });
  return ({ origin, preflight }, res) => {
    for (const name of res.getHeaderNames()) if (isCorsField(name)) res.removeHeader(name);
    // The library treats every OPTIONS request as a preflight.
    const asked = { method: preflight ? 'OPTIONS' : 'GET', headers: { origin } };
    write(asked, res, () => undefined);
    if (!everybody) varyByOrigin(res);
  };
}

/**
 * Writes the CORS headers before admission, so that every response has them, also a denial. Returns true for a
 * preflight, which needs no other response.
 */
export function shareAnswer(share: Cors | undefined, req: IncomingMessage, res: ServerResponse): boolean {
  if (!share || res.headersSent) return false;
  const question = corsQuestionOf(req);
  share(question, res);
  return question.preflight;
}

/**
 * Adds `Vary: Origin` to every response. Otherwise a cache could serve the response for one origin to a page of another
 * origin (RFC 9110 §12.5.5).
 */
function varyByOrigin(res: ServerResponse): void {
  const given = res.getHeader('vary') ?? [];
  const names = [given]
    .flat()
    .join(',')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  // The upstream may also have sent `Vary: Origin`.
  const others = names.filter((name) => name.toLowerCase() !== 'origin');
  res.setHeader('Vary', [...others, 'Origin'].join(', '));
}

function isCorsField(name: string): boolean {
  return /^access-control-/i.test(name);
}

/**
 * Removes CORS headers from the response of a plugin and from the configured rate limit response. The `cors` block
 * replaces these headers.
 */
export function withoutCors(denial: Denial): Denial {
  const { response } = denial;
  if (!response?.headers.some(([name]) => isCorsField(name))) return denial;
  return { ...denial, response: { ...response, headers: response.headers.filter(([name]) => !isCorsField(name)) } };
}

/** Answers a preflight without an identity and without the upstream. A page cannot add a credential to a preflight. */
export function answerPreflight(res: ServerResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  // RFC 9110 §8.6: a 204 has no Content-Length.
  res.writeHead(204).end();
}
