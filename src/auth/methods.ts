/** The registry of methods: one line each. What the file, `check` and the JSON Schema know of a method comes from here. */
import type { Method } from './method.js';
import { apiKey } from './methods/api-key/api-key.js';
import { basic } from './methods/basic/basic.js';
import { jwt } from './methods/jwt/jwt.js';
import { mtls } from './methods/mtls/mtls.js';
import { oauth } from './methods/oauth/oauth.js';
import { plugin } from './methods/plugin/plugin.js';

/** Every method that a file may name, in the order the documentation lists them. */
export const methods: readonly Method[] = [apiKey, basic, jwt, oauth, mtls];

/** Not a block of `middleware.auth`: each item of `plugins` is a method by its own name. */
export { plugin };

/** The entry that compiles a planned method. */
export function methodOfType(type: string): Method | undefined {
  return [...methods, plugin as Method].find(({ name }) => name === type);
}
