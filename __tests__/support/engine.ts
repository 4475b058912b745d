/** The engine that the tests of forwarding use in this run. */
import type { EngineName } from '../../src/config/upstream-types.js';

/** Set by the Jest projects `undici` and `undici-slow`. */
export const ENGINE: EngineName = process.env.LOOM_TEST_ENGINE === 'undici' ? 'undici' : 'http-proxy-middleware';

/** The engine's name in the file, for a `top` block of a harness. */
export const ENGINE_BLOCK = `proxy: { engine: ${ENGINE} }`;
