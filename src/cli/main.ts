#!/usr/bin/env node
/** The `loom-auth` command. */
import { run } from './program.js';

// A reader that left (`| head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await run(process.argv.slice(2), process);
