/** Reads what the host passes as a file: a path, a URL, a text or an object. All other values are a TypeError. */
import { fileURLToPath } from 'node:url';
import { TOP_LEVEL } from './schema/file.js';
import { hint } from './suggest.js';

/**
 * A Loom file: its path, its `file:` URL, its YAML text, or its content as an object.
 *
 * A string with a line break is a text. `file` beside `text` or `config` is the name in messages, and relative paths start
 * at the folder of `file`. `env` replaces the environment of the process for `${NAME}`, also in an object.
 *
 * @example
 * import { type ConfigSource, loom } from 'loom-auth';
 *
 * const auth = { api_key: { keys: [{ key: '${KEY}', name: 'test' }] }, chain: ['api_key'] };
 * const sources: ConfigSource[] = [
 *   'loom.yaml',
 *   new URL('loom.yaml', import.meta.url),
 *   { file: 'loom.yaml', env: { KEY: 'sk_example_1' } },
 *   { text: 'middleware: { auth: { basic: {}, chain: [basic] } }' },
 *   { config: { middleware: { auth } }, env: { KEY: 'sk_example_1' } },
 *   { middleware: { auth } },
 * ];
 * sources.map((source) => loom(source));
 */
export type ConfigSource =
  | string
  | URL
  | { readonly file: string | URL; readonly env?: Env }
  | { readonly text: string; readonly file?: string | URL; readonly env?: Env }
  | { readonly config: object; readonly file?: string | URL; readonly env?: Env }
  | ConfigObject;

/**
 * The content of a Loom file as an object, with the option names of the file. A value must not be `undefined`.
 *
 * @example
 * import { type ConfigObject, loom } from 'loom-auth';
 *
 * const config: ConfigObject = {
 *   middleware: { auth: { api_key: { keys: [{ key: 'sk_example_1', name: 'test' }] }, chain: ['api_key'] } },
 *   routes: [{ path: '/public/*', auth: 'none' }],
 * };
 * loom(config);
 */
export type ConfigObject = Readonly<Record<string, unknown>> & {
  readonly file?: never;
  readonly text?: never;
  readonly config?: never;
  readonly env?: never;
};

/**
 * Variables for `${NAME}` in a file, as `process.env` has them.
 *
 * @example
 * import { type Env, loom } from 'loom-auth';
 *
 * const env: Env = { ...process.env, JWKS_URL: 'http://127.0.0.1:9000/jwks.json' };
 * loom({ file: 'loom.yaml', env });
 */
export type Env = Readonly<Record<string, string | undefined>>;

/** What a source holds: a text, an object, or the name of a file that is not read yet. */
export interface Given {
  /** The name in messages. */
  readonly file: string;
  readonly text?: string;
  readonly config?: object;
  readonly env?: Env;
}

const HOW =
  "pass the path of the file, as in 'loom.yaml', its text as { text: '…' }, or its content as { config: { … } }";

/** @throws TypeError that says what to pass */
export function readGiven(source: unknown): Given {
  if (typeof source === 'string') return fromString(source);
  if (source instanceof URL) return { file: pathOf(source) };
  if (!isPlainObject(source)) throw new TypeError(`${kindOf(source)} is not a Loom file: ${HOW}`);
  return ['file', 'text', 'config', 'env'].some((key) => key in source) ? fromParts(source) : fromContent(source);
}

function fromString(source: string): Given {
  if (/[\r\n]/.test(source)) return { file: TEXT, text: source };
  return { file: pathOf(source) };
}

const TEXT = '(text)';
const OBJECT = '(object)';

function fromParts(source: Readonly<Record<string, unknown>>): Given {
  const { file, text, config, env, ...others } = source;
  const [other] = Object.keys(others);
  if (other !== undefined)
    throw new TypeError(`${JSON.stringify(other)} cannot be beside file, text or config: ${HOW}`);
  const isOneOf = (value: unknown, type: string): boolean => value === undefined || typeof value === type;
  if (!isOneOf(text, 'string')) throw new TypeError(`text must be a string, not ${kindOf(text)}`);
  if (config !== undefined && !isPlainObject(config)) {
    throw new TypeError(`config must be an object with the blocks of a file, not ${kindOf(config)}`);
  }
  if (env !== undefined) checkVariables(env);
  if (text !== undefined && config !== undefined) throw new TypeError('text and config are two contents: keep one');
  if (text === undefined && config === undefined && file === undefined) throw new TypeError(`no file is given: ${HOW}`);
  const name = file === undefined ? undefined : pathOf(file);
  return {
    file: name ?? (text === undefined ? OBJECT : TEXT),
    ...(text === undefined ? {} : { text: text as string }),
    ...(config === undefined ? {} : { config }),
    ...(env === undefined ? {} : { env: env as Env }),
  };
}

function checkVariables(env: unknown): void {
  if (typeof env !== 'object' || env === null || Array.isArray(env)) {
    throw new TypeError(`env must be an object of variables, as process.env is, not ${kindOf(env)}`);
  }
  const [name, value] = Object.entries(env).find(([, each]) => each !== undefined && typeof each !== 'string') ?? [];
  if (name !== undefined) throw new TypeError(`env.${name} must be a string, not ${kindOf(value)}`);
}

function fromContent(config: Readonly<Record<string, unknown>>): Given {
  const keys = Object.keys(config);
  if (keys.some((key) => (TOP_LEVEL as readonly string[]).includes(key))) return { file: OBJECT, config };
  const [key] = keys;
  if (key === undefined) throw new TypeError(`an empty object is not a Loom file: ${HOW}`);
  const advice = hint(key, TOP_LEVEL) || `: ${HOW}`;
  throw new TypeError(`${JSON.stringify(key)} is not a block of a Loom file${advice}`);
}

function pathOf(file: unknown): string {
  if (typeof file !== 'string' && !(file instanceof URL)) {
    throw new TypeError(`file must be a path or a file: URL, not ${kindOf(file)}`);
  }
  if (typeof file === 'string' && file.trim() === '') throw new TypeError(`the path of the file is empty: ${HOW}`);
  if (typeof file === 'string' && !file.startsWith('file:')) return file;
  try {
    return fileURLToPath(file);
  } catch {
    throw new TypeError(`the URL of the file must begin with "file:" and name a local path: ${HOW}`);
  }
}

/** Whether a value is an object literal, and not an instance of a class. Jest runs code with a prototype of its own. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The kind of a value in words, never the value: it may be the text of a file with secrets. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Promise) return 'a promise (await it)';
  if (value instanceof Uint8Array) return 'a Buffer (call its toString())';
  if (typeof value === 'object') return 'an instance of a class';
  return typeof value === 'function' ? 'a function' : `a ${typeof value}`;
}
