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

/** Draft 2020-12, as data, without the references that a field may have. */
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

/** The schema for editors: a number or a boolean may also be a reference, such as `${BURST}`. */
export function editorSchema(): Readonly<Record<string, unknown>> {
  return withReferences(jsonSchema()) as Readonly<Record<string, unknown>>;
}

const REFERENCE = { type: 'string', pattern: '^\\$\\{.+\\}$' };

function withReferences(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withReferences);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { type, description, default: preset, ...rest } = schema as Record<string, unknown>;
  if (type === 'number' || type === 'integer' || type === 'boolean') {
    const about = {
      ...(description !== undefined && { description }),
      ...(preset !== undefined && { default: preset }),
    };
    return { anyOf: [{ type, ...rest }, REFERENCE], ...about };
  }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withReferences(value)]));
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
