/** What an operator sees, `admin`, `metrics` and `tracing`. */
import { z } from 'zod';
import { passwordHash, user, userName } from '../../auth/methods/basic/options.js';
import { hasControlCharacter } from '../../lib/control-character.js';
import { duration, LONGEST_TIMER_MS, plainText, timeout } from '../../lib/fields.js';
import { address } from './listeners.js';
import { flag, listOf } from './fields.js';

const secret = () =>
  z
    .string({ error: 'must be a string' })
    .min(1, 'must not be empty')
    .max(1_024, 'must be at most 1024 characters')
    .refine((text) => !hasControlCharacter(text) && text === text.trim(), {
      error: 'must not hold control characters or begin or end with white space',
    });

const operatorToken = () =>
  z
    .string({ error: 'must be a string' })
    .min(16, 'must be at least 16 characters')
    .max(1_024, 'must be at most 1024 characters')
    .regex(/^[\x21-\x7e]*$/, 'must be visible ASCII without spaces');

const username = () =>
  secret().refine((text) => !text.includes(':'), { error: 'must not hold a colon: it ends the name (RFC 7617)' });

const users = z
  .union(
    [
      z.array(user).min(1, 'must not be an empty list'),
      z
        .record(userName(), passwordHash())
        .refine((map) => Object.keys(map).length > 0, { error: 'must not be empty' })
        .transform((map) => Object.entries(map).map(([username, password_hash]) => ({ username, password_hash }))),
    ],
    { error: 'must be a mapping of users to their bcrypt hashes, or a list of {username, password_hash}' },
  )
  .superRefine((list, context) => {
    list.forEach(({ username: name }, at) => {
      if (list.findIndex((each) => each.username === name) < at)
        context.addIssue({ code: 'custom', path: [at, 'username'], message: 'another user has this name already' });
    });
  });

export const admin = z.strictObject({
  enabled: flag().default(true).describe('false: no port is opened.'),
  address: address().default('127.0.0.1:9091').describe('`host:port` or `:port`; off loopback it needs `auth`.'),
  decisions: z
    .int({ error: 'must be a whole number' })
    .min(0, 'must be at least 0')
    .max(100_000, 'must be at most 100000')
    .default(1_000)
    .describe('The last decisions that each worker keeps for `/decisions`. 0: none.'),
  auth: z
    .strictObject({
      enabled: flag().default(true).describe('false: no credential, on a loopback address only.'),
      type: z
        .enum(['none', 'basic', 'bearer'], { error: 'must be "none", "basic" or "bearer"' })
        .optional()
        .describe('`none` (loopback alone), `basic` or `bearer`. Default: `basic` beside `users`.'),
      basic: z
        .strictObject({
          username: username().describe('The name.'),
          password: secret().describe('The password, as a rule `${ENV}` or `${file:PATH}`.'),
        })
        .optional()
        .describe('Who may look, with `type: basic`.'),
      bearer: z
        .strictObject({ token: secret().describe('The token, as a rule `${ENV}` or `${file:PATH}`.') })
        .optional()
        .describe('Who may look, with `type: bearer`.'),
      users: users
        .optional()
        .describe('Who may look, with `type: basic`: users and the bcrypt hashes of their passwords.'),
      operator: z
        .strictObject({ token: operatorToken().describe('The token, as a rule `${ENV}` or `${file:PATH}`.') })
        .optional()
        .describe(
          'Who may ask the gateway questions: a bearer token of its own. Absent: the pages for operators are closed.',
        ),
      realm: plainText()
        .regex(/^[\x20-\x7e]*$/, 'must be visible ASCII')
        .default('loom admin')
        .describe('The realm of the challenge.'),
    })
    .refine(
      ({ enabled, type, users: listed, operator }) =>
        !enabled || type !== undefined || listed !== undefined || operator !== undefined,
      { path: ['type'], error: 'is required' },
    )
    .optional()
    .describe('The credential of the pages. Default: none, on a loopback address only.'),
});

export type AdminBlock = z.output<typeof admin>;

const PATH = 'must be a path such as "/metrics"';
const seconds = () =>
  z.number({ error: 'must be a number of seconds' }).positive('must be above 0').max(86_400, 'must be at most a day');

const prometheus = {
  enabled: flag().optional().describe('false: nothing is counted.'),
  path: z
    .string({ error: PATH })
    .regex(/^\/[\w.~/-]{1,127}$/, PATH)
    .optional()
    .describe('Where it is read, on `admin.address`. Default: `/metrics`.'),
  buckets: listOf(seconds())
    .max(64, 'must be at most 64')
    .optional()
    .describe('Upper bounds of `loom_request_seconds`, in seconds, rising. Default: 1 ms to 30 s.'),
};

export const metrics = z.strictObject({
  ...prometheus,
  prometheus: z.strictObject(prometheus).optional().describe('The same three, as Loom writes them.'),
});

export type MetricsBlock = z.output<typeof metrics>;

export const tracing = z.strictObject({
  enabled: flag().default(true).describe('false: no spans; `traceparent` goes on as it came.'),
  endpoint: z.string().optional().describe('Ignored with a warning: the OpenTelemetry SDK of the process exports.'),
  service_name: z.string().optional().describe('Ignored with a warning: `OTEL_SERVICE_NAME` says it to the SDK.'),
  sample_rate: z
    .number({ error: 'must be a number from 0 to 1' })
    .min(0, 'must be at least 0')
    .max(1, 'must be at most 1')
    .default(1)
    .describe('Share of requests with a span, where no caller has decided already.'),
});

const HEALTH_PATH = 'must be a literal path such as "/healthz": segments of letters, digits, ".", "_", "~" and "-"';

export const health = z.strictObject({
  path: z
    .string({ error: HEALTH_PATH })
    .max(256, 'must be at most 256 characters')
    .regex(/^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/, HEALTH_PATH)
    .describe(
      'Answered to GET and HEAD on every listener, before routes and without a credential: 200, or 503 once a stop has begun.',
    ),
});

export const shutdown = z.strictObject({
  delay: duration({ min: 0, max: LONGEST_TIMER_MS })
    .prefault('0s')
    .describe(
      'Time from SIGTERM until the ports close. `/ready` and the health path answer 503 from the start, so that balancers send no more requests.',
    ),
  timeout: timeout().prefault('30s').describe('Time that open requests have after the ports have closed.'),
});

export type TracingBlock = z.output<typeof tracing>;
