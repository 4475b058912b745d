/** Creates the engine of an endpoint. An engine loads only if a file uses it. */
import { createRequire } from 'node:module';
import type { PlannedUpstream } from '../config/plan-types.js';
import type { Endpoint } from './endpoints.js';
import type { Engine } from './engine.js';
import type * as ProxyEngine from './engines/http-proxy-middleware.js';
import type * as UndiciEngine from './engines/undici.js';

const require = createRequire(import.meta.url);

export function createEngine(endpoint: Endpoint, planned: PlannedUpstream): Engine {
  if (planned.engine === 'undici') {
    const { createUndiciEngine } = require('./engines/undici.js') as typeof UndiciEngine;
    return createUndiciEngine(endpoint, planned);
  }
  const { createProxyEngine } = require('./engines/http-proxy-middleware.js') as typeof ProxyEngine;
  return createProxyEngine(endpoint, planned);
}
