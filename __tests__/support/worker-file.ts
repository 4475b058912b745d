/** Replaces `src/wasm/worker-file.ts` under Jest, because a thread runs built files, not TypeScript. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { built } from './built.js';

export const WORKER = pathToFileURL(join(built(), '../../wasm/worker.js'));
