/** Reads a plan that another process made comparable. It is input from the network. */
import { z } from 'zod';
import { CHANGE_CLASSES } from '../lib/change-classes.js';
import type { Requirement } from '../auth/requirement.js';
import type { Comparable } from './comparable.js';
import type { Tree } from './tree.js';

const changeClass = z.enum(CHANGE_CLASSES);

const leaf = z.strictObject({
  in: z.array(changeClass),
  equal: z.string(),
  shown: z.string().optional(),
  hide: z.enum(['secret', 'content']).optional(),
  unseen: z.literal(true).optional(),
  usual: z.literal(true).optional(),
});

const tree: z.ZodType<Tree> = z.lazy(() =>
  z.union([
    leaf,
    z.strictObject({ members: z.record(z.string(), tree) }),
    z.strictObject({
      items: z.array(z.strictObject({ name: z.string(), tree })),
      in: changeClass,
      ordered: z.literal(true).optional(),
      identity: z.string().optional(),
      nameUnseen: z.literal(true).optional(),
      dotted: z.literal(true).optional(),
    }),
  ]),
);

const requirement: z.ZodType<Requirement> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('open') }),
    z.strictObject({
      kind: z.literal('method'),
      name: z.string(),
      narrow: z.record(z.string(), z.unknown()).optional(),
      identity: z.enum(['unneeded', 'address']).optional(),
    }),
    z.strictObject({ kind: z.literal('optional'), of: requirement }),
    z.strictObject({
      kind: z.literal('any'),
      of: z.array(requirement).min(1),
      onInvalid: z.enum(['continue', 'stop']).optional(),
    }),
    z.strictObject({ kind: z.literal('all'), of: z.array(requirement).min(1) }),
  ]),
) as z.ZodType<Requirement>;

const pattern = z.strictObject({
  segments: z.array(
    z.union([
      z.strictObject({ kind: z.literal('one') }),
      z.strictObject({ kind: z.literal('literal'), text: z.string() }),
    ]),
  ),
  rest: z.boolean(),
});

/** What `accessRules` leaves of a condition. */
const conditions = z.array(z.strictObject({ name: z.string(), kind: z.literal('present'), value: z.literal('*') }));

/** Of a route only what decides who may pass. The other members are in the settings. */
const route = z.object({
  id: z.string(),
  host: z.string().optional(),
  path: z.string(),
  pattern,
  methods: z.array(z.string()).optional(),
  headers: conditions,
  query: z.array(z.never()),
  priority: z.number(),
  requirement,
  declaredOpen: z.boolean(),
  filtered: z.boolean().optional(),
  allowEncodedSlash: z.boolean(),
});

const listener = z.object({
  tls: z.object({ clientAuth: z.enum(['none', 'request', 'require', 'verify']) }).optional(),
});

const postedPlan = z.strictObject({
  standalone: z.boolean(),
  rules: z.strictObject({
    routes: z.array(route),
    listeners: z.array(listener),
    unmatched: requirement.optional(),
    opens: z.array(z.strictObject({ text: z.string(), host: z.string().optional(), pattern })).optional(),
  }),
  routes: z.array(
    z.strictObject({
      conditions: z.strictObject({ equal: z.string(), shown: z.string() }).optional(),
      target: leaf,
      settings: z.record(z.string(), leaf),
    }),
  ),
  tree,
});

/** @returns Undefined if the value is not a comparable plan. */
export function readPostedPlan(value: unknown): Comparable | undefined {
  try {
    const read = postedPlan.safeParse(value);
    if (!read.success || read.data.routes.length !== read.data.rules.routes.length) return undefined;
    return read.data as unknown as Comparable;
  } catch {
    // The value is nested too deeply.
    return undefined;
  }
}

/** The digests of everything that is hidden as a secret, with the conditions of routes. */
export function secretsOf({ tree: whole, routes }: Comparable): readonly string[] {
  return [...secretsIn(whole), ...routes.flatMap(({ conditions: given }) => given?.equal ?? [])];
}

function secretsIn(part: Tree): readonly string[] {
  if ('equal' in part) return part.hide === 'secret' ? [part.equal] : [];
  if ('members' in part) return Object.values(part.members).flatMap(secretsIn);
  return part.items.flatMap((item) => secretsIn(item.tree));
}
