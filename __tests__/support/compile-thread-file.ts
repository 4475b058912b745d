/** Replaces `src/runtime/compile-thread-file.ts` under Jest, because a thread runs built files, not TypeScript. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { built } from './built.js';

export const COMPILE_THREAD = pathToFileURL(join(built(), '../../runtime/compile-thread.js'));
