/** The blocks of Loom that are read and not built yet: admin, metrics, tracing. */
import { z } from 'zod';
import { address } from './listeners.js';
import { flag, listOf } from './fields.js';

export const admin = z.strictObject({
  enabled: flag().optional(),
  address: address().optional(),
  auth: z
    .strictObject({
      type: z.enum(['none', 'basic', 'bearer']),
      basic: z.strictObject({ username: z.string(), password: z.string() }).optional(),
      bearer: z.strictObject({ token: z.string() }).optional(),
    })
    .optional(),
});

const prometheus = {
  enabled: flag().optional(),
  path: z.string().optional(),
  buckets: listOf(z.number()).optional(),
};

export const metrics = z.strictObject({ ...prometheus, prometheus: z.strictObject(prometheus).optional() });

export const tracing = z.strictObject({
  enabled: flag().optional(),
  endpoint: z.string().optional(),
  service_name: z.string().optional(),
  sample_rate: z.number().min(0).max(1).optional(),
});
