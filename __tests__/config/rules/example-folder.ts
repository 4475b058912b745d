/**
 * The folder of a rule's example: its files, its variables, and what `check` finds there.
 *
 * @needs openssl
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { checkFile } from '../../../src/cli/check.js';
import { ConfigError } from '../../../src/config/diagnostics.js';
import type { ExampleFile, RuleExample } from '../../../src/config/rules/example.js';
import { loom } from '../../../src/loom.js';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { quietLog } from '../../support/quiet-log.js';
import { ROOT } from '../../docs/pages.js';

const random = (): string => randomBytes(24).toString('base64url');
const ENV = {
  ORDERS_KEY: random(),
  JWT_SECRET: random() + random(),
  OAUTH_SECRET: random(),
  ADMIN_TOKEN: random(),
  OPS_HASH: '$2b$10$abcdefghijklmnopqrstuuJ7i1w1y0Zc1c9wXv8u7t6s5r4q3p2o1',
};

const DAY = 86_400_000;

/** Writes out what a page shortens: `‹x, 20 times›`, `‹in 10 days›` and `‹U+0000›`. */
export function expanded(text: string): Buffer {
  if (text.startsWith('‹the bytes FF FE›')) return Buffer.from([0xff, 0xfe]);
  const repeated = text.replace(/‹([^›]+), (\d+) times›/g, (_, part: string, count: string) =>
    part.repeat(Number(count)),
  );
  const dated = repeated.replace(/‹in (\d+) days›/g, (_, days: string) =>
    new Date(Date.now() + Number(days) * DAY).toISOString().slice(0, 10),
  );
  return Buffer.from(
    dated.replace(/‹U\+([0-9A-F]{4})›/g, (_, code: string) => String.fromCharCode(parseInt(code, 16))),
  );
}

export class ExampleFolder {
  private readonly folder = mkdtempSync(join(tmpdir(), 'loom-rules-'));

  private constructor(private readonly certificates: Certificates) {}

  static async open(): Promise<ExampleFolder> {
    return new ExampleFolder(await makeCertificates());
  }

  remove(): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true });
    return this.certificates.remove();
  }

  /** The codes that `check` reports; after `before`, those of the reload as well. */
  async codesOf(text: string, { files = {}, before }: RuleExample): Promise<readonly string[]> {
    for (const [name, kind] of Object.entries(files)) this.#write(name, kind);
    const file = this.#path('loom.yaml');
    writeFileSync(file, expanded(text));
    const stdout = new PassThrough();
    checkFile(file, { format: 'json' }, { stdout, stdin: stdout, stderr: stdout, env: ENV });
    const { diagnostics } = JSON.parse(String(stdout.read())) as { readonly diagnostics: readonly { code: string }[] };
    const reloaded = before === undefined ? [] : await this.#reloadCodes(before, text);
    return [...new Set([...diagnostics.map(({ code }) => code), ...reloaded])];
  }

  async #reloadCodes(before: string, after: string): Promise<readonly string[]> {
    const file = this.#path('loom.yaml');
    const gate = loom({ text: before, file, env: ENV }, { log: quietLog() });
    try {
      const warnings = await gate.reload({ text: after, file, env: ENV });
      return warnings.map(({ code }) => code);
    } catch (error) {
      if (error instanceof ConfigError) return error.diagnostics.map(({ code }) => code);
      throw error;
    } finally {
      await gate.close();
    }
  }

  #path(name: string): string {
    return join(this.folder, name);
  }

  #write(name: string, kind: ExampleFile): void {
    const path = this.#path(name);
    const made = this.#content(kind);
    if ('copy' in made) copyFileSync(made.copy, path);
    else writeFileSync(path, made.text);
    chmodSync(path, kind === 'a secret that every user of the machine can read' ? 0o644 : 0o600);
  }

  #content(kind: ExampleFile): { readonly copy: string } | { readonly text: string | Buffer } {
    const { server, expired, ca, otherCa, crl } = this.certificates;
    switch (kind) {
      case 'an empty file':
        return { text: '' };
      case 'a text without a PEM block':
        return { text: 'no certificate' };
      case 'a secret that every user of the machine can read':
      case 'a secret that only its owner can read':
        return { text: random() };
      case 'a text of two lines':
        return { text: 'one\ntwo' };
      case 'a WebAssembly module without the functions of a plugin':
        return { text: Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) };
      case 'the example plugin in Rust':
        return { copy: `${ROOT}/examples/wasm-plugin/auth-rust.wasm` };
      case 'a certificate that is valid for a year':
        return { copy: server.cert };
      case 'the key of the certificate':
        return { copy: server.key };
      case 'a certificate that ended yesterday':
        return { copy: expired.cert };
      case 'the key of the certificate that ended':
        return { copy: expired.key };
      case 'the certificate of an authority':
        return { copy: ca };
      case 'the certificate of another authority':
        return { copy: otherCa };
      case 'the revocation list of the authority':
        return { copy: crl };
    }
  }
}
