/** The path of the program of a plugin's thread: the built file beside this one. */
export const WORKER = new URL('./worker.js', import.meta.url);
