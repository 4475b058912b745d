/** Who could look at the operator's pages, and what of them would be unreadable, ambiguous or without effect. */
import { costWarning } from '../../auth/methods/bcrypt-cost.js';
import { costOf } from '../../auth/methods/basic/options.js';
import { isAdminPath } from '../admin-paths.js';
import type { Context } from '../context.js';
import type { Draft } from '../plan/plan.js';
import type { AdminBlock, MetricsBlock, TracingBlock } from '../schema/operations.js';
import { collide } from './references.js';

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/;
const SHORTEST_SECRET = 16;

export function checkOperations({ plan, blocks }: Draft, context: Context): void {
  const { admin, metrics, tracing } = blocks;
  if (admin?.enabled) checkAdmin(admin, plan, context);
  checkAddress(plan, context);
  if (metrics) checkMetrics(metrics, plan, context);
  if (tracing?.enabled) checkTracing(tracing, context);
}

function checkAdmin({ auth }: AdminBlock, plan: Draft['plan'], context: Context): void {
  const { report, mode } = context;
  const loopback = LOOPBACK.test(plan.admin?.host ?? '');
  if (!loopback && (auth === undefined || !auth.enabled))
    report.error({ path: ['admin', 'address'], code: 'open_admin', message: 'is no loopback address: it needs auth' });
  else if (!loopback && auth?.type === 'none')
    report.error({
      path: ['admin', 'auth', 'type'],
      code: 'open_admin',
      message: 'none is for loopback addresses alone',
    });
  else if (!loopback && auth?.type === undefined && auth?.users === undefined) {
    const message = 'has no credential for readers; off loopback it needs users, or type and its block';
    report.error({ path: ['admin', 'auth'], code: 'open_admin', message });
  }
  if (auth) checkAdminAuth(auth, context);
  if (mode === 'middleware' && !context.has(['listeners'])) {
    const message = 'a middleware opens no port: loom.metrics() has the numbers';
    report.warning({ path: ['admin'], code: 'no_effect', message, at: 'key' });
  }
}

const SECRETS = { basic: 'password', bearer: 'token' } as const;

function checkAdminAuth(auth: NonNullable<AdminBlock['auth']>, context: Context): void {
  const { report } = context;
  const path = ['admin', 'auth'];
  if (auth.operator && readerSecrets(auth).includes(auth.operator.token)) {
    const message = 'is also the credential of a reader; make another one';
    report.error({ path: [...path, 'operator', 'token'], code: 'duplicate', message });
  }
  if (auth.users && (auth.type === 'none' || auth.type === 'bearer'))
    report.error({
      path: [...path, 'users'],
      code: 'two_sources',
      message: `is not allowed beside type: ${auth.type}`,
    });
  if (auth.users && auth.basic) {
    const message = 'is not allowed beside users; keep one of the two';
    report.error({ path: [...path, 'basic'], code: 'two_sources', message, at: 'key' });
  }
  for (const kind of ['basic', 'bearer'] as const) {
    if (auth.type === kind && auth[kind] === undefined && !(kind === 'basic' && auth.users))
      report.error({ path: [...path, 'type'], code: 'missing', message: `needs a block ${kind} beside it` });
    if (auth.type !== kind && auth[kind] !== undefined && !(kind === 'basic' && auth.users)) {
      const message = `is not allowed beside type: ${auth.type ?? 'none'}`;
      report.error({ path: [...path, kind], code: 'two_sources', message, at: 'key' });
    }
    const secret = kind === 'basic' ? auth.basic?.password : auth.bearer?.token;
    if (secret === undefined || secret.length >= SHORTEST_SECRET) continue;
    const message = `is shorter than ${SHORTEST_SECRET} characters`;
    report.warning({ path: [...path, kind, SECRETS[kind]], code: 'weak_secret', message });
  }
  if (auth.users) checkCosts(auth.users, context);
}

/** The file may list users, or map each name to a hash. */
function checkCosts(users: NonNullable<NonNullable<AdminBlock['auth']>['users']>, context: Context): void {
  const path = ['admin', 'auth', 'users'];
  const isList = context.length(path) !== undefined;
  users.forEach(({ username, password_hash }, at) => {
    const message = costWarning(costOf(password_hash));
    if (message === undefined) return;
    const place = isList ? [...path, at, 'password_hash'] : [...path, username];
    context.report.warning({ path: place, code: 'bcrypt_cost', message });
  });
}

const readerSecrets = ({ basic, bearer }: NonNullable<AdminBlock['auth']>): readonly (string | undefined)[] => [
  basic?.password,
  bearer?.token,
];

/** The operator's address is no listener: it shares no address with one. */
function checkAddress({ admin, listeners }: Draft['plan'], context: Context): void {
  if (!admin || context.mode !== 'serve') return;
  const rival = listeners.find((listener) => collide(listener, admin));
  if (!rival) return;
  const path = context.has(['admin', 'address'])
    ? ['admin', 'address']
    : [context.has(['admin']) ? 'admin' : 'metrics'];
  const message = `${rival.name} listens on this port already (${admin.host ?? ''}:${admin.port})`;
  context.report.error({ path, code: 'duplicate', message });
}

function checkMetrics(block: MetricsBlock, { admin, metrics }: Draft['plan'], { report, mode }: Context): void {
  for (const option of ['path', 'buckets'] as const) {
    const [own, loom] = [block[option], block.prometheus?.[option]];
    const path = loom === undefined ? ['metrics', option] : ['metrics', 'prometheus', option];
    if (own !== undefined && loom !== undefined) {
      const words = JSON.stringify(own) === JSON.stringify(loom) ? 'is the same as' : 'differs from';
      report.error({ path, code: 'two_sources', message: `${words} metrics.${option}; keep one of the two` });
    }
    const value = loom ?? own;
    if (typeof value === 'string' && isAdminPath(value))
      report.error({ path, code: 'duplicate', message: 'another page is there' });
    const fall = Array.isArray(value) ? value.findIndex((bound, at) => at > 0 && bound <= (value[at - 1] ?? 0)) : -1;
    if (fall > 0) report.error({ path: [...path, fall], code: 'wrong_value', message: 'must be above the one before' });
  }
  if (metrics && !admin && mode === 'serve') {
    const message = 'are read on admin.address, and admin is off: they cannot be read';
    report.warning({ path: ['metrics'], code: 'no_effect', message, at: 'key' });
  }
}

function checkTracing(block: TracingBlock, { report }: Context): void {
  for (const [option, instead] of [
    ['endpoint', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    ['service_name', 'OTEL_SERVICE_NAME'],
  ] as const) {
    if (block[option] === undefined) continue;
    const message = `is not read: the OpenTelemetry SDK of the process exports; npm install @opentelemetry/api @opentelemetry/auto-instrumentations-node, run node --import @opentelemetry/auto-instrumentations-node/register, and set ${instead}`;
    report.warning({ path: ['tracing', option], code: 'not_built', message, at: 'key' });
  }
}
