/** One page of the documentation, done from top to bottom as its reader would, in a folder of its own. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { parse, stringify } from 'yaml';
import { run } from '../../src/cli/program.js';
import { compileFile } from '../../src/config/index.js';
import { writeAuthority } from '../../src/demo/authority.js';
import { serve, type Gatekeeper } from '../../src/serve/serve.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';
import { echoUpstream, type Echo } from '../support/recording-upstream.js';
import { seconds, tokenIssuer, type Claims, type TokenIssuer } from '../support/token-issuer.js';
import { curl, shellWords, type CurlAnswer } from './curl.js';
import { ROOT, wordOf, type Block } from './pages.js';
import { Programs, type ProgramOptions } from './programs.js';

/** The issuer of every page that names none of its own. */
const ISSUER = 'https://auth.example.com';
/** Ports that pages name; 9001 is an upstream that answers with what it was asked. */
const PORTS = ['3000', '8080', '8443', '9002', '9091'] as const;

/** A file that a fragment is a part of. */
const BASE = `
middleware:
  auth:
    api_key:
      keys: [{ key_hash: "sha256:39428e12d4bfa46efa4148b7ab1a16c97a7c107858a5f9336921095c10132d2e", name: orders-app }]
routes:
  - { id: orders, path: /orders/*, upstream: backend, auth: { api_key: true } }
upstreams:
  - { name: backend, endpoints: ["127.0.0.1:9001"] }
`;

type Mapping = Readonly<Record<string, unknown>>;
const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A fragment's lists replace those of the base; its blocks are added to the base's. */
function merged(base: unknown, over: unknown): unknown {
  if (!isMapping(base) || !isMapping(over)) return over;
  const added = Object.entries(over).map(([key, value]) => [key, merged(base[key], value)]);
  return { ...base, ...(Object.fromEntries(added) as Mapping) };
}

export const wholeOf = (fragment: string): string => stringify(merged(parse(BASE), parse(fragment)));

/** A value for each variable that a file needs from outside. */
export const variablesOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    Array.from(text.matchAll(/\$\{(\w+)\}/g), ([, name = '']) => [
      name,
      `a value of ${name}, long enough for a secret`,
    ]),
  );

export class Scene {
  readonly folder = mkdtempSync(join(tmpdir(), 'loom-docs-'));
  readonly env: Record<string, string> = {};
  readonly #ports = new Map<string, number>();
  readonly #programs: Programs;
  #gateway: Gatekeeper | undefined;
  #issuer: TokenIssuer | undefined;
  #echo: Echo | undefined;

  constructor(options: ProgramOptions = {}) {
    this.#programs = new Programs(options);
  }

  async open(): Promise<void> {
    const free = await freePorts(PORTS.length);
    PORTS.forEach((port, at) => this.#ports.set(port, free[at] ?? 0));
    [this.#echo, this.#issuer] = await Promise.all([echoUpstream(), tokenIssuer()]);
    this.#ports.set('9001', this.#echo.port);
    await writeAuthority(this.folder);
    copyFileSync(join(ROOT, 'examples/wasm-plugin/auth-rust.wasm'), join(this.folder, 'auth-rust.wasm'));
    const user = 'admin:$2b$10$4CuUbtpVRbM38wzDxpd2a.eMRHDEI0v6dbk.b4YiVmabz5y27gwA.\n';
    writeFileSync(join(this.folder, 'users.htpasswd'), user, { mode: 0o600 });
    const token = (claims: Claims): Promise<string> => (this.#issuer as TokenIssuer).token(claims);
    this.env['TOKEN'] = await token({ sub: 'alice', scope: 'orders:read' });
    this.env['WRITE_TOKEN'] = await token({ sub: 'alice', scope: 'orders:read orders:write' });
    this.env['EXPIRED_TOKEN'] = await token({ sub: 'alice', exp: seconds() - 3_600 });
    this.env['SCRAPE_TOKEN'] = 'a-token-for-prometheus';
    this.env['OPERATOR_TOKEN'] = 'a-token-for-an-operator';
    this.env['READER_TOKEN'] = 'a-token-for-the-console';
  }

  async close(): Promise<void> {
    await this.#programs.close();
    await this.#gateway?.stop({ timeout: 0 });
    await this.#issuer?.close();
    await this.#echo?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get echo(): Echo | undefined {
    return this.#echo;
  }

  /** The text of a page with what is true in this test in place of its ports and its issuer. */
  here(text: string): string {
    const ported = text.replace(/\b(?:3000|8080|8443|900[12]|9091)\b/g, (port) => String(this.#ports.get(port)));
    return ported.replaceAll(ISSUER, this.#issuer?.origin ?? ISSUER);
  }

  /** Writes the block under its name; a file of ours must load. */
  write(block: Block): string {
    const defaults: Readonly<Record<string, string>> = { yaml: 'loom.yaml', js: 'server.mjs', ts: 'server.ts' };
    const fragment = block.words.includes('fragment');
    const name = fragment ? 'fragment.yaml' : (wordOf(block, 'file') ?? defaults[block.language] ?? 'file');
    const file = join(this.folder, name);
    const text = fragment ? wholeOf(block.text) : block.text;
    writeFileSync(file, this.here(text), { mode: 0o600 });
    return file;
  }

  /** Loads a file as `check` does. */
  load(file: string, strategies: readonly string[] = []): void {
    const env = { ...variablesOf(readFileSync(file, 'utf8')), ...this.env };
    const { plan } = compileFile(file, { mode: 'middleware', strategies, env });
    if (plan.listeners.length > 0 && plan.routes.length > 0 && strategies.length === 0)
      compileFile(file, { mode: 'serve', env });
  }

  async run(file: string): Promise<Record<string, unknown>> {
    await this.#programs.close();
    return this.#programs.run(file);
  }

  /** `loom-auth serve` of a file of the folder. */
  async serve(name: string): Promise<void> {
    await this.#programs.close();
    await this.#gateway?.stop({ timeout: 0 });
    Object.assign(process.env, this.env);
    this.#gateway = await serve(join(this.folder, name), { log: quietLog(), watch: false });
  }

  curl(line: string): Promise<CurlAnswer> {
    return curl(this.here(line), this);
  }

  /** What a `loom-auth` command prints, with its exit code. */
  async command(line: string): Promise<{ readonly code: number; readonly printed: string }> {
    const [, secret, rest = line] = /^printf %s ('[^']*'|\S+) \| (.+)$/.exec(line) ?? [];
    const args = shellWords(rest.replace(/^npx /, ''), this.env).slice(1);
    const [stdin, stdout] = [new PassThrough(), new PassThrough()];
    stdin.end(secret === undefined ? '' : secret.replace(/^'|'$/g, ''));
    const before = process.cwd();
    process.chdir(this.folder);
    try {
      const env = { ...process.env, ...this.env, NO_COLOR: '1' };
      const code = await run(args, { stdin, stdout, stderr: stdout, env });
      return { code, printed: String((stdout.read() as Buffer | null) ?? '') };
    } finally {
      process.chdir(before);
    }
  }
}
