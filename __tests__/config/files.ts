/** Small Loom files for the tests of the compiler. */
import { ConfigError, type Diagnostic } from '../../src/config/diagnostics.js';
import { compileFile, type CompileOptions, type Compiled } from '../../src/config/index.js';

export const API_KEY = '{keys: [{key: "k-1234567890abcdef", name: alice}, {key: "k-fedcba0987654321", name: bob}]}';
export const JWT = '{issuer: "https://id.example", audience: api, jwks_url: "https://id.example/jwks.json"}';
export const BASIC =
  '{users: [{username: admin, password_hash: "$2y$10$abcdefghijklmnopqrstuuJ7i1w1y0Zc1c9wXv8u7t6s5r4q3p2o1"}]}';
export const OAUTH =
  '{introspection_url: "https://id.example/introspect", client_id: loom, client_secret: "s-1234567890"}';

/** A file as JSON, which is YAML too: for tests in which places do not matter. */
export const fileOf = (parts: object): string => JSON.stringify(parts);

export function compile(text: string, options: Partial<CompileOptions> = {}): Compiled {
  return compileFile({ text, file: 'loom.yaml' }, { mode: 'middleware', env: {}, ...options });
}

/** Every diagnostic of a file, whether it loads or not. */
export function diagnose(text: string, options: Partial<CompileOptions> = {}): readonly Diagnostic[] {
  try {
    return compile(text, options).warnings;
  } catch (error) {
    if (error instanceof ConfigError) return error.diagnostics;
    throw error;
  }
}

export function errorsOf(text: string, options: Partial<CompileOptions> = {}): readonly Diagnostic[] {
  return diagnose(text, options).filter(({ level }) => level === 'error');
}

export const warningsOf = (text: string, options: Partial<CompileOptions> = {}): readonly Diagnostic[] =>
  diagnose(text, options).filter(({ level }) => level === 'warning');
