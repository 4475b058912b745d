#!/usr/bin/env node
/** The entry point of the `loom-auth` command. */
import { run } from './program.js';

// A reader that closed the pipe (`| head`) is not an error of this command.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await run(process.argv.slice(2), process);
