/** The class of changes of each member of a planned route. */
import { durationText, time, type Members } from '../lib/change-classes.js';
import { RATE } from '../auth/rate-text.js';
import type { PlannedRoute } from '../config/plan-types.js';
import { RETRY } from './upstream-classes.js';

/** The name of `auth: none` among the options. */
export const DECLARED = 'declared public';

const PLACE = { by: 'the requests of the route' };
const ACCESS = { by: 'access by path' };
const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_SESSION_MS = 3_600_000;

export const ROUTE_CLASSES: Members<PlannedRoute> = {
  members: {
    id: { by: 'the name of the route' },
    host: PLACE,
    path: PLACE,
    pattern: PLACE,
    methods: PLACE,
    headers: PLACE,
    query: PLACE,
    priority: PLACE,
    requirement: ACCESS,
    filtered: ACCESS,
    declaredOpen: { in: 'access', as: DECLARED, unseen: true, default: false },
    // A target of a request, compared with the upstreams and their names.
    upstream: { by: 'the target' },
    timeoutMs: time('timeout', DEFAULT_TIMEOUT_MS),
    stripPrefix: { in: 'routing', default: false },
    addPrefix: { in: 'routing' },
    rewritePath: { in: 'routing', as: 'rewrite.path' },
    allowEncodedSlash: { in: 'routing', default: false },
    allowedOrigins: { in: 'access', unordered: true, default: [] },
    preserveHost: { in: 'headers', default: true },
    overlap: { in: 'access', default: false },
    maxSessionMs: { in: 'timeouts', as: 'max_session', show: durationText, default: DEFAULT_SESSION_MS },
    rateLimit: RATE,
    retry: RETRY,
  },
};
