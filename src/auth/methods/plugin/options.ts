/** A `plugins[]` block: a proxy-wasm module, its permissions, and its limits of time and size. */
import { z } from 'zod';
import { byteSize, duration, headerName, timeout } from '../../../lib/fields.js';
import { LOG_LEVELS } from '../../../wasm/abi.js';
import { throttleOption } from '../throttle-option.js';

const WHOLE = 'must be a whole number';
const NON_EMPTY = 'must not be an empty list';

const headerNames = () => z.array(headerName(), { error: 'must be a list of header names' });

export const pluginOptions = z.strictObject({
  name: z
    .string({ error: 'must be a name' })
    .regex(/^[A-Za-z0-9_-]{1,128}$/, 'must be letters, digits, "_" and "-"')
    .describe('The name by which `chain`, `methods`, `auth` and `routes[].plugins` know it.'),
  path: z
    .string({ error: 'must be the path of a file' })
    .min(1, 'must not be empty')
    .describe('The `.wasm` file, relative to this file.'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')
    .optional()
    .describe('The SHA-256 of the file; another one is not loaded.'),
  phase: z
    .enum(['on_request_headers', 'on_request_body'], {
      error: 'must be on_request_headers or on_request_body: an authentication step comes before the response',
    })
    .default('on_request_headers')
    .describe('`on_request_body`: it sees the whole body too, of at most `max_body`.'),
  priority: z
    .int({ error: WHOLE })
    .min(-1_000_000)
    .max(1_000_000)
    .default(0)
    .describe('Of several that a route requires, the higher runs first.'),
  config: z
    .unknown()
    .optional()
    .describe('The configuration of the plugin: a string unchanged, any other value as JSON.'),
  vm_config: z.unknown().optional().describe('What `on_vm_start` is given; written like `config`.'),
  root_id: z.string().max(256).optional().describe('The root context it chooses; default: its name.'),
  memory_limit: byteSize(65_536, 4_294_967_296)
    .prefault('16MB')
    .describe('The most memory that an instance may have, in steps of 64 KiB.'),
  timeout: duration({ min: 1, max: 10_000 }).prefault('50ms').describe('The longest that one callback may run.'),
  pause_timeout: timeout().prefault('5s').describe('The longest that a request may be paused.'),
  workers: z
    .int({ error: WHOLE })
    .min(1)
    .max(16)
    .default(1)
    .describe('Threads that judge requests; one more stands by.'),
  isolation: z
    .enum(['worker', 'inline'], { error: 'must be worker or inline' })
    .default('worker')
    .describe(
      "`inline`: on the gateway's own thread, for plugins that you trust; a loop is stopped, and delays others.",
    ),
  upstreams: z
    .array(z.string(), { error: 'must be a list of upstreams' })
    .default([])
    .describe('Upstreams that it may call; default: none.'),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable'), z.string())
    .default({})
    .describe('Its environment (WASI).'),
  identity_headers: headerNames()
    .min(1, NON_EMPTY)
    .default(['X-Authenticated-User'])
    .describe('Headers that it may set. As a method it must set one of them when it continues (`require_identity`).'),
  require_identity: z
    .boolean({ error: 'must be true or false' })
    .optional()
    .describe(
      'Whether it must name the caller when it continues. Default: true as a method, false in `routes[].plugins`. With `false` as a method, the subject is the client address.',
    ),
  credential_headers: headerNames()
    .min(1, NON_EMPTY)
    .optional()
    .describe('Headers that it reads credentials from: two of a kind are 400.'),
  strip_credentials: z
    .boolean({ error: 'must be true or false' })
    .default(true)
    .describe('Whether `credential_headers` stay here when it has granted.'),
  max_body: byteSize(1, 1_073_741_824)
    .prefault('1MB')
    .describe(
      'With `on_request_body`: a longer body is 413; 256 MB (or four of these) of them are held at once, beyond that 503.',
    ),
  throttle: throttleOption('of an address'),
  log_level: z.enum(LOG_LEVELS).default('info').describe('The least of its lines that is written.'),
});

export type PluginBlock = z.output<typeof pluginOptions>;

/** An upstream that a plugin may call. */
export interface CallUpstream {
  readonly name: string;
  readonly endpoints: readonly { readonly url: string; readonly weight: number }[];
  readonly tls?:
    | {
        readonly ca?: string;
        readonly cert?: string;
        readonly key?: string;
        readonly insecureSkipVerify: boolean;
      }
    | undefined;
}

/** The block, with the data that the compiler read for it. */
export type PluginOptions = PluginBlock & {
  /** The bytes of the module file; absent if the file could not be read. */
  readonly bytes?: Uint8Array;
  readonly calls?: readonly CallUpstream[];
};

/** The bytes of `config` and `vm_config`. */
export function configBytes(config: unknown): Uint8Array {
  if (config === undefined || config === null) return new Uint8Array(0);
  return Buffer.from(typeof config === 'string' ? config : JSON.stringify(config));
}
