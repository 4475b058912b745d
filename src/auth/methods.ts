/** The registry of auth methods, from which the file, `check` and the JSON Schema take their data. */
import { createRequire } from 'node:module';
import type { Method } from './method.js';
import type { Members } from '../lib/change-classes.js';
import type { PluginOptions } from './methods/plugin/options.js';

const require = createRequire(import.meta.url);

/** An auth method by its name. `load` imports its folder and the packages that it needs. */
export interface RegisteredMethod {
  readonly name: string;
  readonly load: () => Method;
  /** The class of changes of each option. Only a comparison of two files loads it. Default: a change of access. */
  readonly loadClasses?: () => OptionClasses;
}

/** The options of one auth method. */
export type OptionClasses = Members<object>;

/**
 * Every auth method that a file may name, in the order of the documentation. A folder loads when a file names its
 * method. A start with API keys only does not load key sets and bcrypt.
 */
export const methods: readonly RegisteredMethod[] = [
  {
    name: 'api_key',
    load: () => (require('./methods/api-key/api-key.js') as { apiKey: Method }).apiKey,
    loadClasses: () =>
      (require('./methods/api-key/change-classes.js') as { apiKeyClasses: OptionClasses }).apiKeyClasses,
  },
  {
    name: 'basic',
    load: () => (require('./methods/basic/basic.js') as { basic: Method }).basic,
    loadClasses: () => (require('./methods/basic/change-classes.js') as { basicClasses: OptionClasses }).basicClasses,
  },
  {
    name: 'jwt',
    load: () => (require('./methods/jwt/jwt.js') as { jwt: Method }).jwt,
    loadClasses: () => (require('./methods/jwt/change-classes.js') as { jwtClasses: OptionClasses }).jwtClasses,
  },
  {
    name: 'oauth',
    load: () => (require('./methods/oauth/oauth.js') as { oauth: Method }).oauth,
    loadClasses: () => (require('./methods/oauth/change-classes.js') as { oauthClasses: OptionClasses }).oauthClasses,
  },
  {
    name: 'mtls',
    load: () => (require('./methods/mtls/mtls.js') as { mtls: Method }).mtls,
    loadClasses: () => (require('./methods/mtls/change-classes.js') as { mtlsClasses: OptionClasses }).mtlsClasses,
  },
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

/** The class of changes of each option of a method. Undefined for a strategy of the host, and for a method without classes. */
export function optionClassesOf(type: string): OptionClasses | undefined {
  if (type !== PLUGIN) return methods.find(({ name }) => name === type)?.loadClasses?.();
  return (require('./methods/plugin/change-classes.js') as { pluginClasses: OptionClasses }).pluginClasses;
}
