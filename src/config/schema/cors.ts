/** The `cors` block: which pages of other origins a browser lets read our answers. */
import { z } from 'zod';
import { duration, headerName } from '../../lib/fields.js';
import { NEVER_SERVED } from '../../http/http-methods.js';
import { METHODS } from '../../http/node-http.js';
import { count, flag, listOf } from './fields.js';

const METHOD = 'must be an HTTP method in upper case, or "*"; TRACE and CONNECT are never served';

const method = () =>
  z.enum(['*', ...METHODS.filter((each) => !NEVER_SERVED.has(each))] as [string, ...string[]], { error: METHOD });

/** A browser reads `X-*` as the name of one header. */
const header = () =>
  headerName().refine((name) => name === '*' || !name.includes('*'), { error: 'must be a header name, or "*" alone' });

/** No browser remembers a preflight for longer. */
const LONGEST_S = 86_400;

const sameAs = (other: string) => `The same as \`${other}\`.`;
const origins = () => listOf(z.string({ error: 'must be an origin such as "https://app.example.com"' })).optional();

export const cors = z.strictObject({
  enabled: flag().default(true).describe('false: no CORS, as without the block.'),
  allowed_origins: origins().describe(
    'Whose pages may read: `https://app.example.com`, `https://*.example.com` (any subdomain), or `*` (every page). Required.',
  ),
  allow_origins: origins().describe(sameAs('allowed_origins')),
  allowed_methods: listOf(method())
    .optional()
    .describe('Methods that they may use, or `*`. Default: `GET`, `HEAD` and `POST`, which browsers allow unasked.'),
  allow_methods: listOf(method()).optional().describe(sameAs('allowed_methods')),
  allowed_headers: listOf(header())
    .optional()
    .describe(
      'Headers that they may send, or `*`. Default: `Content-Type`, and those that carry credentials in this file.',
    ),
  allow_headers: listOf(header()).optional().describe(sameAs('allowed_headers')),
  exposed_headers: listOf(header())
    .optional()
    .describe('Headers of answers that they may read besides the few that browsers always show, or `*`.'),
  expose_headers: listOf(header()).optional().describe(sameAs('exposed_headers')),
  allow_credentials: flag()
    .default(false)
    .describe('Whether they may use cookies, Basic and client certificates. Never beside `*`.'),
  max_age: z
    .union(
      [count(0, LONGEST_S), duration({ min: 1_000, max: LONGEST_S * 1_000 }).transform((ms) => Math.floor(ms / 1_000))],
      {
        error: 'must be a number of seconds, or a duration such as "10m"',
      },
    )
    .optional()
    .describe('How long a browser may remember a preflight: seconds, or a duration. Absent: the browser decides.'),
});

export type CorsBlock = z.output<typeof cors>;
