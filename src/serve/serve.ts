/** `serve()`: loads the gateway when it is called, because a host that only uses `loom()` needs none of it. */
import { createRequire } from 'node:module';
import type { ConfigSource } from '../config/source.js';
import type { Gatekeeper, ServeOptions } from './gatekeeper.js';
import type * as Served from './served.js';

export type { Gatekeeper, ServeOptions } from './gatekeeper.js';

const require = createRequire(import.meta.url);

/**
 * Runs the gateway that a file describes. Resolves when every listener accepts connections and key sets have been asked for.
 *
 * @example const gateway = await serve('loom.yaml'); await gateway.stop();
 * @throws {ConfigError} The file is wrong.
 * @throws {PortError} A port is taken.
 * @throws {TlsFileError} A certificate, key or CA cannot be used.
 */
export async function serve(source: ConfigSource, options: ServeOptions = {}): Promise<Gatekeeper> {
  const { serveAmong } = require('./served.js') as typeof Served;
  return serveAmong(source, options);
}
