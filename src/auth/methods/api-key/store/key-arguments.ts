/** Checks what a host passes to `gate.keys`. A missing value must not mean all keys, or any key. */
import { z } from 'zod';
import type { WhichKeys } from './keys.js';
import { parsed } from './new-key.js';

const text = () => z.string({ error: 'must be a string' }).min(1, 'must not be empty');

const which = z.union([z.strictObject({ id: text() }), z.strictObject({ name: text() })], {
  error: 'must be { id } or { name }, as a string',
});

const query = z.strictObject({
  name: text().optional(),
  after: text().optional(),
  limit: z.int().min(1).max(10_000).default(100),
});

export const readWhich = (given: unknown): WhichKeys => parsed(which, given);
export const readQuery = (given: unknown): z.output<typeof query> => parsed(query, given);
export const readName = (given: unknown): string => parsed(z.object({ name: text() }), { name: given }).name;
export const readId = (given: unknown): string => parsed(z.object({ id: text() }), { id: given }).id;
