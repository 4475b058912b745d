/** The registry of auth methods, from which the file, `check` and the JSON Schema take their data. */
import { createRequire } from 'node:module';
import type { Method } from './method.js';
import type { PluginOptions } from './methods/plugin/options.js';

const require = createRequire(import.meta.url);

/** An auth method by its name. `load` imports its folder and the packages that it needs. */
export interface RegisteredMethod {
  readonly name: string;
  readonly load: () => Method;
}

/**
 * Every auth method that a file may name, in the order of the documentation. A folder loads when a file names its
 * method. A start with API keys only does not load key sets and bcrypt.
 */
export const methods: readonly RegisteredMethod[] = [
  { name: 'api_key', load: () => (require('./methods/api-key/api-key.js') as { apiKey: Method }).apiKey },
  { name: 'basic', load: () => (require('./methods/basic/basic.js') as { basic: Method }).basic },
  { name: 'jwt', load: () => (require('./methods/jwt/jwt.js') as { jwt: Method }).jwt },
  { name: 'oauth', load: () => (require('./methods/oauth/oauth.js') as { oauth: Method }).oauth },
  { name: 'mtls', load: () => (require('./methods/mtls/mtls.js') as { mtls: Method }).mtls },
];

/** The type of the entries under `plugins`. Each entry is an auth method with its own name. */
export const PLUGIN = 'plugin';

export function pluginMethod(): Method<PluginOptions> {
  return (require('./methods/plugin/plugin.js') as { plugin: Method<PluginOptions> }).plugin;
}

/** The registered method that compiles a planned method. */
export function methodOfType(type: string): Method | undefined {
  if (type === PLUGIN) return pluginMethod();
  return methods.find(({ name }) => name === type)?.load();
}
