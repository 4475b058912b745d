/** The `logging` block: what is written about each request, and how. */
import { z } from 'zod';
import { ACCESS_FIELDS } from '../../lib/access-fields.js';
import { headerName } from '../../lib/fields.js';
import { flag, listOf } from './fields.js';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const FIELD = `must be one of ${ACCESS_FIELDS.join(', ')}`;

export const logging = z.strictObject({
  level: z
    .enum(LEVELS)
    .default('info')
    .describe(`The least that is written: ${LEVELS.map((level) => `\`${level}\``).join(', ')}.`),
  format: z.enum(['json', 'text']).default('json').describe('`json`: one object a line; `text`: for people.'),
  access: z
    .strictObject({
      enabled: flag().default(true).describe('false: no access log.'),
      fields: listOf(z.enum(ACCESS_FIELDS, { error: FIELD }))
        .default([...ACCESS_FIELDS])
        .describe('What a line says. Default: everything.'),
    })
    .optional()
    .describe('One line for each request that ended, without its query. Absent: none.'),
  denied: z
    .strictObject({
      sample: z
        .int({ error: 'must be a whole number' })
        .min(1, 'must be at least 1')
        .max(100_000, 'must be at most 100000')
        .describe('The most lines for each reason, second and worker. One more line has the count of the others.'),
    })
    .optional()
    .describe('How many lines a flood of refused requests writes. Absent: one for each request.'),
  request_id: z
    .strictObject({
      header: headerName().default('X-Request-ID').describe('The header that carries it, upstream and back.'),
      generate: flag().default(true).describe('Whether a request gets one that has none from a trusted proxy.'),
    })
    .optional()
    .describe('An id for each request, which is the `instance` of its denial too. Absent: denials alone have one.'),
});

export type LoggingBlock = z.output<typeof logging>;
