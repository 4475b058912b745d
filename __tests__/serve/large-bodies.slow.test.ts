/** A gigabyte each way through the gateway as a process of its own, and what its memory made of it. */
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { built } from '../support/built.js';
import { freePorts } from '../support/ports.js';
import { Background } from '../support/process.js';

const SIZE = 2 ** 30;

/** The most memory that the process ever had resident, in bytes. */
function peak(pid: number): number {
  const [, kilobytes = ''] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1_024;
}

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux(
  '1 GB up and 1 GB down grow the gateway by less than 64 MB',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'loom-large-'));
    const bodies = fork('__tests__/support/large-bodies.mjs', [String(SIZE)], { execArgv: [] });
    const said = <T>(): Promise<T> =>
      new Promise((resolve) => bodies.once('message', (message) => resolve(message as T)));
    const [{ upstream }, [port = 0]] = await Promise.all([said<{ upstream: number }>(), freePorts(1)]);
    const file = join(directory, 'loom.yaml');
    writeFileSync(
      file,
      `
listeners: [{ address: "127.0.0.1:${port}" }]
routes: [{ id: all, path: /*, upstream: far, auth: none }]
upstreams: [{ name: far, endpoints: ["127.0.0.1:${upstream}"] }]
`,
    );
    const gateway = new Background(process.execPath, [built(), 'serve', file]);
    try {
      await gateway.until(/listening/);
      // What the first requests load and compile is no body of theirs.
      for (let i = 0; i < 20; i++) await (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST' })).text();
      const before = peak(gateway.pid);
      bodies.send({ gateway: port });
      expect(await said()).toEqual({ downloaded: SIZE, uploaded: SIZE });
      expect(peak(gateway.pid) - before).toBeLessThan(64 * 2 ** 20);
    } finally {
      bodies.kill();
      await gateway.stop();
      rmSync(directory, { recursive: true });
    }
  },
  300_000,
);
