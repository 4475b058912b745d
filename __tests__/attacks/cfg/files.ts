/**
 * The file that attacks on configuration change, and the result of `check`, `loom()` and `serve` for the changed file.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { checkFile } from '../../../src/cli/check.js';
import type { ExitCode } from '../../../src/cli/exit-codes.js';
import type { Diagnostic } from '../../../src/config/diagnostics.js';
import { diagnose } from '../../config/files.js';

export const HASH = '$2y$10$abcdefghijklmnopqrstuuJ7i1w1y0Zc1c9wXv8u7t6s5r4q3p2o1';

/** Every method and kind of route; loads as middleware and as a gateway. */
export const WHOLE = `listeners:
  - name: main
    address: "127.0.0.1:8080"
    protocol: http
middleware:
  auth:
    jwt:
      enabled: true
      issuer: https://id.example
      audience: api
      jwks_url: https://id.example/jwks.json
      claims_to_headers:
        sub: X-User-ID
    api_key:
      keys:
        - key: k-1234567890abcdef
          name: alice
    basic:
      users:
        - username: admin
          password_hash: ${HASH}
    oauth:
      introspection_url: https://id.example/introspect
      client_id: loom
      client_secret: s-1234567890
routes:
  - id: public
    path: /public/*
    upstream: backend
    auth: none
  - id: internal
    path: /internal/*
    upstream: backend
    auth:
      jwt: true
  - id: api
    path: /api/*
    upstream: backend
    auth:
      require: true
      methods: [jwt, api_key, basic, oauth]
upstreams:
  - name: backend
    endpoints:
      - "127.0.0.1:9"
`;

/** The whole file with one unique text replaced. */
export function whole(...changes: readonly (readonly [from: string, to: string])[]): string {
  return changes.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`not there once: ${from}`);
    return text.replace(from, () => to);
  }, WHOLE);
}

export const MODES = ['middleware', 'serve'] as const;
export type Env = Readonly<Record<string, string>>;

/** The errors of both ways to use a file. Empty if it loads. */
export function errors(text: string, env: Env = {}): readonly Diagnostic[] {
  const found = MODES.map((mode) => diagnose(text, { mode, env }).filter(({ level }) => level === 'error'));
  const [middleware = [], serve = []] = found;
  if ((middleware.length === 0) !== (serve.length === 0)) throw new Error('loads one way, and not the other');
  return middleware;
}

export interface Expected {
  readonly code?: string;
  readonly path?: string;
  readonly message?: RegExp;
}

/** The file loads in no way, and one of its errors is the expected one. */
export function expectRefused(text: string, { code, path, message }: Expected = {}, env: Env = {}): void {
  const found = errors(text, env);
  const fitting = found.filter(
    (each) =>
      (code === undefined || each.code === code) &&
      (path === undefined || each.path === path) &&
      (message === undefined || message.test(each.message)),
  );
  expect({ found, fits: fitting.length > 0 }).toEqual({ found, fits: true });
}

export function expectLoads(text: string, env: Env = {}): void {
  expect(errors(text, env)).toEqual([]);
}

export interface Checked {
  readonly code: ExitCode;
  readonly output: string;
}

/** `loom-auth check` of a file with this text or these bytes. */
export function checked(text: string | Buffer, env: Env = {}): Checked {
  const folder = mkdtempSync(join(tmpdir(), 'loom-cfg-'));
  try {
    const file = join(folder, 'loom.yaml');
    writeFileSync(file, text);
    return checkedAt(file, env);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function checkedAt(file: string, env: Env = {}): Checked {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const code = checkFile(file, {}, { stdin: new PassThrough(), stdout, stderr, env });
  const output = [stdout, stderr].map((stream) => String((stream.read() as Buffer | null) ?? '')).join('');
  return { code, output };
}
