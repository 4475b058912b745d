/** The `routes` block: which requests go where, and who may send them. */
import { z } from 'zod';
import { timeout } from '../../lib/fields.js';
import { HOST } from '../address.js';
import { parsePattern } from '../pattern.js';
import { safeRegex } from '../safe-regex.js';
import { count, flag, httpMethod, listOf, name, origin, rate, retryCodes } from './fields.js';

const pattern = () =>
  z.string({ error: 'must be a path pattern' }).superRefine((text, context) => {
    const read = parsePattern(text);
    if ('fault' in read) context.addIssue({ code: 'custom', message: read.fault });
  });

/** A path without wildcards, as it is put before or in place of the request's. */
const literalPath = () =>
  pattern().refine(
    (text) => {
      const read = parsePattern(text);
      return 'fault' in read || (!read.rest && read.segments.every((segment) => segment.kind === 'literal'));
    },
    { error: 'must not hold wildcards' },
  );

const fieldMatch = () =>
  z.string({ error: 'must be a string: the value, "^…$", or "*" for present' }).superRefine((text, context) => {
    const fault = text === '' ? 'must not be empty' : safeRegex(text);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  });

/** Node reads header values as latin1 and without surrounding white space, so another value would never match. */
const headerMatch = () =>
  fieldMatch().refine((text) => text.startsWith('^') || /^[!-~](?:[\t -~]*[!-~])?$/.test(text), {
    error: 'must be visible ASCII without surrounding white space; no header value of a request is anything else',
  });

const matches = (key: RegExp, what: string, value = fieldMatch()) =>
  z
    .record(z.string().regex(key, `must be ${what}`), value, { error: 'must be a mapping' })
    .refine((map) => Object.keys(map).length > 0, { error: 'must not be empty' });

export const route = z.strictObject({
  id: name().optional().describe('Name in messages and in the access table.'),
  path: pattern().describe('`/a` exact, `/a/*` a prefix, `/a/:id` and `/a/{id}` one segment.'),
  host: z
    .string({ error: 'must be a host name' })
    .max(253)
    .regex(HOST, 'must be a host name such as "api.example.com" or "*.example.com", without a port')
    .optional()
    .describe('Host name, exact or `*.example.com`.'),
  methods: listOf(httpMethod()).optional().describe('HTTP methods; GET covers HEAD. Default: all.'),
  headers: matches(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, 'an HTTP header name', headerMatch())
    .optional()
    .describe(
      'Headers the request must have: a value, `^…$` for a regular expression of the whole value, or `*` for present.',
    ),
  query: matches(/^[^\s]{1,128}$/, 'a parameter name')
    .optional()
    .describe('Query parameters, like `headers`.'),
  upstream: name().optional().describe('Name of the upstream; absent: `next()` of the host application.'),
  timeout: timeout()
    .prefault('30s')
    .describe('Time to the head of the response, over all attempts, then between two bytes.'),
  retries: count(0, 100).optional().describe("In place of the upstream's `retry.max_retries`; 0: none."),
  retry_codes: retryCodes().optional().describe("In place of the upstream's `retry.retryable_codes`."),
  priority: count(-1_000_000).default(0).describe('Higher is chosen first.'),
  strip_prefix: flag().default(false).describe('Removes the fixed prefix of the pattern.'),
  add_prefix: literalPath().optional().describe('Put before the path, after `strip_prefix`.'),
  rewrite: z
    .strictObject({ path: literalPath().describe('The path to send.') })
    .optional()
    .describe('Replaces the path.'),
  rate_limit: z.strictObject(rate).optional().describe('The limit of this route in place of the global one.'),
  plugins: listOf(name()).optional().describe('WASM plugins that must let a request pass as well, besides `auth`.'),
  auth: z
    .unknown()
    .optional()
    .describe('Who may pass: `none`, `{jwt: true}`, `{require: true, methods: [jwt, api_key]}`, …'),
  overlap: flag().default(false).describe('Says that this route may deliver paths that a stricter route guards.'),
  allow_encoded_slash: flag().default(false).describe('Lets `%2f` through.'),
  allowed_origins: listOf(origin())
    .optional()
    .describe('Foreign origins that may send credentials a browser adds unasked.'),
  preserve_host: flag().default(true).describe("Sends the client's Host on; false: the upstream's."),
  max_session: timeout().prefault('1h').describe('Longest life of a socket whose identity does not expire.'),
});

export type RouteBlock = z.output<typeof route>;
