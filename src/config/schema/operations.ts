/** The blocks of Loom that are read and not built yet: admin, metrics, tracing, cors. */
import { z } from 'zod';
import { timeout } from '../../lib/fields.js';
import { address } from './listeners.js';
import { count, flag, listOf } from './fields.js';

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

const strings = () => listOf(z.string()).optional();

export const cors = z.strictObject({
  enabled: flag().optional(),
  allowed_origins: strings(),
  allow_origins: strings(),
  allowed_methods: strings(),
  allow_methods: strings(),
  allowed_headers: strings(),
  allow_headers: strings(),
  exposed_headers: strings(),
  expose_headers: strings(),
  allow_credentials: flag().optional(),
  max_age: z.union([count(0), timeout()]).optional(),
});
