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

/** The form of a digest of a hidden value. The text of a value that is shown is JSON, and has another form. */
const DIGEST = /^[\w-]{43}$/;

/**
 * The digests of everything that is hidden, with the conditions of routes. A posted plan may have a digest anywhere, also
 * where it is not marked as hidden.
 */
export function digestsOf({ tree: whole, routes }: Comparable): readonly string[] {
  const leaves = routes.flatMap(({ target, settings, conditions: given }) => {
    return [target.equal, ...Object.values(settings).map(({ equal }) => equal), given?.equal ?? ''];
  });
  return [...digestsIn(whole), ...leaves].filter((text) => DIGEST.test(text));
}

function digestsIn(part: Tree): readonly string[] {
  if ('equal' in part) return [part.equal];
  if ('members' in part) return Object.values(part.members).flatMap(digestsIn);
  return part.items.flatMap((item) => digestsIn(item.tree));
}
