/** `npm run bench`: the gateway beside its peers, then the verdicts alone. The arguments are those of `gateway.mjs`. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const run = (file, ...args) => {
  const script = fileURLToPath(new URL(file, import.meta.url));
  return spawnSync(process.execPath, [script, ...args], { stdio: 'inherit' }).status ?? 1;
};

process.exitCode = run('gateway.mjs', ...process.argv.slice(2)) || run('verdicts.mjs');
