/** Tells browsers which pages of other origins may read our answers, and answers their preflights (Fetch standard, CORS). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type * as CorsPackage from 'cors';
import type { PlannedCors } from '../config/plan-types.js';
import { matchesOrigin, parseOrigin, type OriginPattern } from '../lib/origin-pattern.js';
import { hasBody } from '../http/request-body.js';
import type { Denial } from './denial.js';

const require = createRequire(import.meta.url);

/** What of a request its answer depends on, taken before anything edits the request. */
export interface CorsQuestion {
  readonly origin: string | undefined;
  readonly preflight: boolean;
}

/** Says on an answer what its reader may do with it, in place of whatever stands there. */
export type Cors = (question: CorsQuestion, res: ServerResponse) => void;

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

export function corsQuestionOf(req: IncomingMessage): CorsQuestion {
  const { origin, 'access-control-request-method': method } = req.headers;
  // No browser sends a preflight with a body: with one it is a request, and judged like any.
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
    // A foreign origin gets `false`: the library then writes nothing at all.
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
    // To the library every OPTIONS is a preflight.
    const asked = { method: preflight ? 'OPTIONS' : 'GET', headers: { origin } };
    write(asked, res, () => undefined);
    if (!everybody) varyByOrigin(res);
  };
}

/** Before anything is judged, so that every answer says it, a denial too. True for a preflight: it needs no other answer. */
export function shareAnswer(share: Cors | undefined, req: IncomingMessage, res: ServerResponse): boolean {
  if (!share || res.headersSent) return false;
  const question = corsQuestionOf(req);
  share(question, res);
  return question.preflight;
}

/** On every answer: a cache that keeps the one for a stranger would give it to the page that may read (RFC 9110 §12.5.5). */
function varyByOrigin(res: ServerResponse): void {
  const given = res.getHeader('vary') ?? [];
  const names = [given]
    .flat()
    .join(',')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  // The upstream may have named it as well.
  const others = names.filter((name) => name.toLowerCase() !== 'origin');
  res.setHeader('Vary', [...others, 'Origin'].join(', '));
}

function isCorsField(name: string): boolean {
  return /^access-control-/i.test(name);
}

/** A plugin's own answer, or the file's to whoever is over a limit, without what `cors` settles in its place. */
export function withoutCors(denial: Denial): Denial {
  const { response } = denial;
  if (!response?.headers.some(([name]) => isCorsField(name))) return denial;
  return { ...denial, response: { ...response, headers: response.headers.filter(([name]) => !isCorsField(name)) } };
}

/** Neither identity nor upstream: a browser asks for leave, and whoever made the page cannot add a credential to that. */
export function answerPreflight(res: ServerResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  // RFC 9110 §8.6: a 204 has no Content-Length.
  res.writeHead(204).end();
}
