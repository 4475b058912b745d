/**
 * A gateway with the same plugin on a thread and on its own thread: CPU of the process per request, above that of an open
 * route of the same process. The rounds are interleaved, and each difference is taken within its round.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { peers } from '../peers/index.mjs';
import { besideIt, CLI, NODE, onMeasuredCore, start } from './contender.mjs';
import { gatewayFile } from './gateway-file.mjs';
import { openIssuer } from './issuer.mjs';
import { saturate } from './load.mjs';
import { freePorts } from './ports.mjs';

const ISOLATIONS = ['worker', 'inline'];
const KEY = { 'X-API-Key': 'sk_example_orders' };
const module = fileURLToPath(new URL('../../examples/wasm-plugin/auth-rust.wasm', import.meta.url));

const blockOf = (isolation) =>
  `  - { name: on-${isolation}, path: "${module}", isolation: ${isolation}, timeout: 2s, credential_headers: [X-API-Key] }`;
const routeOf = (isolation) =>
  `  - { id: ${isolation}, path: /${isolation}/*, upstream: backend, auth: { on-${isolation}: true } }`;

/** For each isolation: microseconds above the open route, one entry for each round. `open`: those of the open route. */
export async function pluginRoutes(engine, { rounds, ms, warm, connections }) {
  const folder = mkdtempSync(join(tmpdir(), 'loom-plugins-'));
  const issuer = await openIssuer();
  const running = [];
  try {
    const [upstream, port] = await freePorts(2);
    const [noop] = peers;
    running.push(
      await start(besideIt((await noop.run()).command), { port: upstream, env: { PORT: String(upstream) } }),
    );
    const file = join(folder, 'loom.yaml');
    const text = gatewayFile({ port, upstream, issuer, engine, routes: ISOLATIONS.map(routeOf).join('\n') });
    writeFileSync(file, `${text}\nplugins:\n${ISOLATIONS.map(blockOf).join('\n')}\n`);
    const gateway = await start(onMeasuredCore([NODE, CLI, 'serve', file]), { port });
    running.push(gateway);
    const load = async (path) => {
      const before = gateway.cpuMs();
      const answered = await saturate({ port, path, headers: KEY, ms, connections, folder });
      return { answered, us: ((gateway.cpuMs() - before) * 1_000) / answered };
    };
    const paths = ['/public/x', ...ISOLATIONS.map((each) => `/${each}/x`)];
    for (const path of paths) {
      for (let answered = 0; answered < warm;) answered += (await load(path)).answered;
    }
    const measured = { open: [], worker: [], inline: [] };
    for (let round = 0; round < rounds; round += 1) {
      const costs = [];
      for (const path of paths) costs.push((await load(path)).us);
      const [open, ...others] = costs;
      measured.open.push(open);
      ISOLATIONS.forEach((each, at) => measured[each].push(others[at] - open));
    }
    return measured;
  } finally {
    await Promise.all(running.map((each) => each.stop()));
    issuer.close();
    rmSync(folder, { recursive: true });
  }
}
