/** Where the program of a plugin's thread stands: beside this file, as built. */
export const WORKER = new URL('./worker.js', import.meta.url);
