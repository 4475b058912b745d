/** The class of changes of each member of a plan. A new member of the plan without a class does not compile. */
import { durationText } from '../lib/change-classes.js';
import type { Covered, Items, Leaf, Members } from '../lib/change-classes.js';
import type { AdminAuth, Plan, PlannedAdmin, PlannedMethod, PlannedOpening } from '../config/plan-types.js';
import type { HeaderRule } from '../auth/header-rule.js';
import { LIMIT_CLASSES } from './limit-classes.js';
import { addressOf, CLIENT, headerRuleText, LISTENER_CLASSES, type ListenerView } from './listener-classes.js';
import { canonical } from './tree.js';
import { UPSTREAM_CLASSES } from './upstream-classes.js';

/** The plan, with the content of files. */
export type PlanView = Omit<Plan, 'listeners'> & {
  readonly listeners: readonly ListenerView[];
  /** Plugins are no blocks of `middleware.auth`. */
  readonly plugins: readonly PlannedMethod[];
};

const UNSEEN: Leaf = { in: 'operations', unseen: true };
const CORS: Leaf = { in: 'cors' };
const CORS_LIST: Leaf = { in: 'cors', unordered: true };
/** Case does not count in the name of a header. */
const NAMES: Leaf = {
  in: 'headers',
  equal: (names: readonly string[]) => canonical(names.map((name) => name.toLowerCase()).sort()),
  default: [],
};
const OPTIONS: Covered = { by: 'the options of the method' };

const METHOD_CLASSES: Members<PlannedMethod> = {
  members: {
    name: { by: 'the name of the item' },
    type: { in: 'access' },
    options: { by: 'the classes of its type' },
    places: OPTIONS,
    headers: {
      in: 'headers',
      as: 'claims_to_headers',
      show: headerRuleText,
      equal: (rules: readonly HeaderRule[]) => JSON.stringify(rules),
      default: [],
    },
    forwardsCredential: OPTIONS,
    limitsIdentities: OPTIONS,
    longestCredentialBytes: OPTIONS,
    ambient: OPTIONS,
    claims: OPTIONS,
    certificate: OPTIONS,
    values: OPTIONS,
  },
};

const METHODS: Items<readonly PlannedMethod[]> = {
  in: 'access',
  name: ({ name }: PlannedMethod) => name,
  items: METHOD_CLASSES,
};

/** No caller can see who may look at the pages of the admin address. */
const ADMIN_AUTH: Members<AdminAuth> = {
  members: {
    kind: { ...UNSEEN, as: 'type' },
    username: UNSEEN,
    password: { ...UNSEEN, hide: 'secret' },
    token: { ...UNSEEN, hide: 'secret' },
    users: {
      in: 'operations',
      name: ({ username }: { readonly username: string }) => username,
      items: {
        members: { username: { by: 'the name of the item' }, password_hash: { ...UNSEEN, hide: 'secret' } },
      },
    },
  },
};

const ADMIN_OPERATOR: Members<NonNullable<PlannedAdmin['operator']>> = {
  as: 'auth.operator',
  members: { token: { ...UNSEEN, hide: 'secret' } },
};

export const PLAN_CLASSES: Members<PlanView> = {
  members: {
    file: { by: 'the names of the two files' },
    warnings: { by: 'the options that they are about' },
    methods: { ...METHODS, as: 'middleware.auth', dotted: true },
    plugins: METHODS,
    routes: { by: 'the requests of the routes' },
    unmatched: { by: 'access by path' },
    upstreams: {
      in: 'upstreams',
      name: ({ name }: { readonly name: string }) => name,
      nameUnseen: true,
      items: UPSTREAM_CLASSES,
    },
    listeners: {
      in: 'operations',
      name: addressOf,
      items: LISTENER_CLASSES,
    },
    rateLimit: LIMIT_CLASSES,
    cors: {
      members: {
        origins: { ...CORS_LIST, as: 'allowed_origins' },
        methods: { ...CORS_LIST, as: 'allowed_methods' },
        headers: { ...CORS_LIST, as: 'allowed_headers' },
        exposedHeaders: CORS_LIST,
        credentials: { ...CORS, as: 'allow_credentials' },
        maxAgeSeconds: { ...CORS, as: 'max_age' },
      },
    },
    logging: {
      members: {
        level: { ...UNSEEN, default: 'info' },
        format: { ...UNSEEN, default: 'json' },
        access: { ...UNSEEN, as: 'access.fields' },
        deniedSample: { ...UNSEEN, as: 'denied.sample' },
        requestId: { in: 'headers' },
      },
    },
    admin: {
      members: {
        host: UNSEEN,
        port: UNSEEN,
        auth: ADMIN_AUTH,
        realm: { ...UNSEEN, as: 'auth.realm' },
        operator: ADMIN_OPERATOR,
        decisions: { ...UNSEEN, default: 1_000 },
      },
    },
    health: { in: 'routing' },
    shutdown: {
      members: {
        delayMs: { ...UNSEEN, as: 'delay', show: durationText, default: 0 },
        timeoutMs: { ...UNSEEN, as: 'timeout', show: durationText, default: 30_000 },
      },
    },
    metrics: UNSEEN,
    tracing: UNSEEN,
    shadow: UNSEEN,
    opens: {
      ...UNSEEN,
      unordered: true,
      show: (entries: readonly PlannedOpening[]) => entries.map(({ text }) => text).join(', '),
    },
    identityHeaders: { ...NAMES, as: 'headers that only Loom may set', unordered: true },
    trustedProxies: { ...CLIENT, unordered: true, default: [] },
    clientIpHeader: {
      members: {
        name: { ...CLIENT, equal: (name: string) => name.toLowerCase() },
        from: { ...CLIENT, unordered: true },
      },
    },
    trustedHeaders: NAMES,
    maxPathSegments: { in: 'timeouts' },
  },
};
