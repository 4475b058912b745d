/** Copies the files of the console beside the module that serves them: browsers run the sources unchanged. */
import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
cpSync(at('src/admin/console'), at('dist/admin/console'), { recursive: true });
