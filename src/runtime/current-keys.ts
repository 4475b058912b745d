/** `gate.keys`: the keys of the store of the current configuration. */
import type { Keys } from '../auth/methods/api-key/store/keys.js';

/** A host may keep the object, or one of its functions, over a reload that closes the store of the old configuration. */
export function currentKeys(find: () => Keys | undefined): Keys {
  const current = (): Keys => {
    const keys = find();
    if (!keys) throw new TypeError('the file has no middleware.auth.api_key.store');
    return keys;
  };
  current();
  return {
    create: async (options) => current().create(options),
    list: async (query) => current().list(query),
    get: async (id) => current().get(id),
    revoke: async (which) => current().revoke(which),
    rotate: async (name, options) => current().rotate(name, options),
    import: async (lines) => current().import(lines),
    export: () => current().export(),
  };
}
