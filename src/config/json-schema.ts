/** The JSON Schema of a Loom file, for editors: from the very schemas that read the file. */
import { z } from 'zod';
import type { Method } from '../auth/method.js';
import { methods } from '../auth/methods.js';
import { addLoomNames } from './loom/schema.js';
import { blockSchema } from './plan/methods.js';
import { policyShape } from './plan/policy.js';
import { routeAuthShape } from './plan/requirement.js';
import { fileSchema, LISTS, MEANINGS } from './schema/file.js';
import { listOf } from './schema/fields.js';

/** Draft 2020-12, as data. References such as `${NAME}` are strings, so fields of other types take none. */
export function jsonSchema(): Readonly<Record<string, unknown>> {
  const file = fileSchema(authSchema()).extend({
    routes: listOf(LISTS.routes.extend({ auth: routeAuthSchema().optional() }))
      .optional()
      .describe(MEANINGS.routes),
    multi_tenancy: z.never().optional().describe('Not allowed: it would narrow access, and Loom does not have it.'),
  });
  const schema = z.toJSONSchema(file, { io: 'input', unrepresentable: 'any', reused: 'inline' });
  addLoomNames(schema);
  return { ...schema, title: 'Loom configuration' };
}

const registered = (): readonly Method[] => methods.map(({ load }) => load());

function authSchema(): z.ZodType {
  const blocks = registered().map(
    (method) => [method.name, blockSchema(method).optional().describe(method.title)] as const,
  );
  return z.strictObject({ ...Object.fromEntries(blocks), ...policyShape });
}

/** A host application's strategies are methods too, so other keys are allowed in `auth`. */
function routeAuthSchema(): z.ZodType {
  const narrowings = (make: (method: Method) => z.ZodType) =>
    Object.fromEntries(registered().map((method) => [method.name, make(method).optional()]));
  const keyed = narrowings(({ name, narrowing }) =>
    z.union([z.literal(true), narrowing]).describe(`\`true\`, or what of \`${name}\` may pass here:`),
  );
  const narrow = z.strictObject(narrowings(({ narrowing }) => narrowing)).optional();
  const block = z.object({ ...keyed, ...routeAuthShape, narrow }).catchall(z.literal(true));
  return z
    .union([z.literal('none'), block])
    .describe('Who may pass: `none`, `{jwt: true}`, `{require: true, methods: [jwt, api_key]}`, …');
}
