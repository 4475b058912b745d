/** Loads values of `node:util` with `require`, which reads no export. An ESM import reads all, and some load more modules. */
import { createRequire } from 'node:module';
import type * as Util from 'node:util';

const require = createRequire(import.meta.url);

export const { inspect, isDeepStrictEqual } = require('node:util') as typeof Util;
