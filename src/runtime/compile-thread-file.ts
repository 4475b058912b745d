/** The path of the program of the thread that compiles large files: the built file beside this one. */
export const COMPILE_THREAD = new URL('./compile-thread.js', import.meta.url);
