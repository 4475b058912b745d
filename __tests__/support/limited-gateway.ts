/** A gateway in a process that has few file descriptors, and that takes all of them on demand. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { built, NODE, ROOT } from './built.js';

export type LogLine = Readonly<Record<string, unknown>>;

export class LimitedGateway {
  port = 0;
  readonly #child: ChildProcess;

  constructor(text: string) {
    const script = join(ROOT, '__tests__/support/out-of-descriptors.mjs');
    const entry = join(built(), '../../index.js');
    this.#child = spawn('sh', ['-c', 'ulimit -n 96 && exec "$0" "$@"', NODE, script, entry, text], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  async start(): Promise<this> {
    this.port = ((await this.#answer()) as { port: number }).port;
    return this;
  }

  async tell(order: 'exhaust' | 'free'): Promise<unknown> {
    this.#child.send(order);
    return this.#answer();
  }

  async lines(): Promise<readonly LogLine[]> {
    this.#child.send('lines');
    return ((await this.#answer()) as { lines: readonly LogLine[] }).lines;
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  async #answer(): Promise<unknown> {
    return ((await once(this.#child, 'message')) as [unknown])[0];
  }
}
