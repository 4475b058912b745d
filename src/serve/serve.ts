/** `serve()` loads the gateway only when it is called, because a host that only uses `loom()` does not need it. */
import { createRequire } from 'node:module';
import type { ConfigSource } from '../config/source.js';
import type { Gatekeeper, OwnGateway, ServeOptions } from './gatekeeper.js';
import type * as Served from './served.js';

export type { Gatekeeper, ServeOptions } from './gatekeeper.js';

const require = createRequire(import.meta.url);

/**
 * Starts the gateway that a file describes.
 *
 * @param source The path or `file:` URL of the file, `{ text }`, `{ config }`, or its content as an object.
 * @param options Log, clock, strictness, and whether to watch the file.
 * @returns The gateway, after every listener accepts connections and key sets were requested.
 * @throws {ConfigError} The file is wrong.
 * @throws {TypeError} The source is not a file.
 * @throws {PortError} A listener or the admin address cannot use its port.
 * @throws {TlsFileError} A certificate, key, authority or revocation list cannot be used.
 * @example
 * import { serve } from 'loom-auth';
 *
 * const gateway = await serve('loom.yaml');
 * process.once('SIGTERM', () => gateway.stop());
 */
export async function serve(source: ConfigSource, options: ServeOptions = {}): Promise<Gatekeeper> {
  return serveAlone(source, options);
}

/** As `serve`, for the program itself. */
export async function serveAlone(source: ConfigSource, options: ServeOptions): Promise<OwnGateway> {
  const { startGateway } = require('./served.js') as typeof Served;
  return startGateway(source, options);
}
