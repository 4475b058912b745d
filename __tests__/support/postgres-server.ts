/**
 * A PostgreSQL for one test: started, stopped and frozen on one port.
 *
 * @needs postgres
 */
import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { chownSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { Pair } from './certificates.js';
import { freePorts } from './ports.js';

const PROGRAMS = globSync('/usr/lib/postgresql/*/bin').sort().at(-1) ?? '';

/** The server refuses to run as root. */
function owner(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const [, , uid, gid] = /^postgres:.*$/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[0].split(':') ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}

function parentOf(pid: string): number | undefined {
  try {
    return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

/** A process of the server may end at any time. */
function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
  }
}

export class PostgresServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'loom-postgres-'));
  #child: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly settings: readonly string[],
  ) {}

  /** With a certificate the server accepts connections with TLS and without. */
  static async start(tls?: Pair): Promise<PostgresServer> {
    const [port = 0] = await freePorts(1);
    const files = tls ? ['ssl=on', 'ssl_cert_file=server.pem', 'ssl_key_file=server-key.pem'] : [];
    const server = new PostgresServer(
      port,
      files.flatMap((setting) => ['-c', setting]),
    );
    const { uid, gid } = owner();
    if (uid !== undefined && gid !== undefined) chownSync(server.#folder, uid, gid);
    const data = join(server.#folder, 'data');
    const made = spawnSync(
      join(PROGRAMS, 'initdb'),
      ['-D', data, '-U', 'loom', '-A', 'trust', '-N'],
      server.#options(),
    );
    if (made.status !== 0) throw new Error(`initdb: ${String(made.stderr)}`);
    if (tls) {
      await writeFile(join(data, 'server.pem'), await readFile(tls.cert));
      const key = join(data, 'server-key.pem');
      await writeFile(key, await readFile(tls.key), { mode: 0o600 });
      if (uid !== undefined && gid !== undefined) chownSync(key, uid, gid);
    }
    await server.start();
    return server;
  }

  get url(): string {
    return `postgres://loom@127.0.0.1:${this.port}/postgres`;
  }

  #options(): SpawnOptions {
    return { ...owner(), cwd: this.#folder };
  }

  async start(): Promise<void> {
    const place = ['-D', join(this.#folder, 'data'), '-p', String(this.port), '-k', this.#folder, '-h', '127.0.0.1'];
    const child = spawn(join(PROGRAMS, 'postgres'), [...place, ...this.settings, '-F'], {
      ...this.#options(),
      stdio: 'ignore',
    });
    this.#child = child;
    let ended = false;
    child.once('close', () => (ended = true));
    for (;;) {
      if (ended) throw new Error('postgres ended at once');
      if (await this.ask('SELECT 1').then(Boolean, () => false)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Runs one statement, and returns its rows. */
  async ask(text: string): Promise<readonly Record<string, unknown>[]> {
    const client = new Client({ connectionString: this.url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  }

  /** Stops or continues the server with all its processes, each of which has a group of its own. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    const parent = this.#child?.pid ?? 0;
    const children = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && parentOf(pid) === parent);
    for (const pid of [parent, ...children.map(Number)]) signalTo(pid, signal);
  }

  /** Ends at once; open connections are cut. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const closed = new Promise((resolve) => child.once('close', resolve));
    this.signal('SIGCONT');
    child.kill('SIGQUIT');
    await closed;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
