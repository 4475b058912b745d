/** The rules between the folders of `src`, read from its import statements. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, resolve, sep } from 'node:path';
import ts from 'typescript';

const SRC = resolve(__dirname, '../src');
const MOST_LINES = 250;

interface File {
  /** From `src`, with slashes. */
  readonly name: string;
  readonly text: string;
  readonly lines: number;
  /** As they are written; of a `new URL(…)` nothing is known here. */
  readonly imports: readonly string[];
}

const files: readonly File[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.c?ts$/.test(path))
  .map((path) => {
    const text = readFileSync(join(SRC, path), 'utf8');
    const imports = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
    return { name: path.split(sep).join('/'), text, lines: text.trimEnd().split('\n').length, imports };
  });

/** The row of the table that a file of `src` belongs to: its folder, or itself. */
const rowOf = (name: string): string =>
  name.includes('/') ? name.slice(0, name.indexOf('/')) : name.replace(/\.js$/, '.ts');

/**
 * The floors, from the lowest: a file imports from its own folder and from lower floors. Folders of one floor do not
 * import one another.
 */
const FLOORS: readonly (readonly string[])[] = [
  ['lib'],
  ['certificates'],
  ['http', 'redis'],
  ['tokens', 'limit', 'wasm'],
  ['auth'],
  ['config'],
  ['context'],
  ['observe', 'routing', 'proxy'],
  ['admission', 'difference'],
  ['gateway'],
  ['runtime'],
  ['admin', 'loom.ts'],
  ['serve'],
  ['index.ts'],
  ['demo'],
  ['cli'],
];
const floorOf = (row: string): number => FLOORS.findIndex((rows) => rows.includes(row));

const importers = (matches: (specifier: string) => boolean): string[] =>
  files.filter(({ imports }) => imports.some(matches)).map(({ name }) => name);
const containing = (pattern: RegExp, among = files): string[] =>
  among.filter(({ text }) => pattern.test(text)).map(({ name }) => name);
const inside = (...folders: string[]): File[] => files.filter(({ name }) => folders.includes(rowOf(name)));

/** The files of `src` that a file imports, by their names from `src`. */
const targetsOf = ({ name, imports }: File): string[] =>
  imports.filter((each) => each.startsWith('.')).map((each) => posix.join(posix.dirname(name), each));

test('imports only point down the floors, and each folder has its floor', () => {
  expect(files.map(({ name }) => rowOf(name)).filter((row) => floorOf(row) < 0)).toEqual([]);
  const broken = files.flatMap((file) => {
    const row = rowOf(file.name);
    return targetsOf(file)
      .filter((target) => rowOf(target) !== row && floorOf(rowOf(target)) >= floorOf(row))
      .map((target) => `${file.name} -> ${target}`);
  });
  expect(broken).toEqual([]);
});

test('no imports run in a circle', () => {
  const named = new Map(files.map((file) => [file.name.replace(/\.c?ts$/, ''), file]));
  const below = (file: File): File[] =>
    targetsOf(file).flatMap((target) => named.get(target.replace(/\.c?[jt]s$/, '')) ?? []);
  const done = new Set<File>();
  const circles: string[] = [];
  const visit = (file: File, way: readonly File[]): void => {
    const at = way.indexOf(file);
    if (at >= 0) circles.push([...way.slice(at), file].map(({ name }) => name).join(' -> '));
    if (at >= 0 || done.has(file)) return;
    for (const each of below(file)) visit(each, [...way, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(circles).toEqual([]);
  expect(below(named.get('index') as File).length).toBeGreaterThan(5);
});

test('these rules would see a broken one: there are imports of each kind to read', () => {
  expect(files.length).toBeGreaterThan(100);
  expect(importers((each) => each.startsWith('../lib/')).length).toBeGreaterThan(20);
  expect(importers((each) => each.startsWith('node:')).length).toBeGreaterThan(20);
});

test('what is known of a request stands on it: a weak map keeps every request through minor collections', () => {
  expect(containing(/new Weak(?:Map|Set)<(?:IncomingMessage|ServerResponse), /)).toEqual([]);
  expect(importers((each) => each.endsWith('/lib/hidden-property.js')).sort()).toEqual([
    'gateway/attach.ts',
    'http/connection-close.ts',
    'http/connection-end.ts',
    'http/request-state.ts',
  ]);
});

test('a peer address comes from a connection: an adapter can claim any address', () => {
  const known = [
    'admin/',
    'serve/',
    'lib/connection.ts',
    'lib/https-request.ts',
    'http/injected-request.ts',
    'runtime/explain/described-connection.ts',
  ];
  const reading = containing(/\bremoteAddress\b/).filter((name) => !known.some((each) => name.startsWith(each)));
  expect(reading).toEqual([]);
  expect(containing(/\bremoteAddress\b/)).toContain('lib/connection.ts');
});

test('under limit/ only the Redis store knows Redis', () => {
  const names = inside('limit').filter(({ imports }) => imports.some((each) => each.startsWith('../redis/')));
  expect(names.map(({ name }) => name)).toEqual(['limit/redis-store.ts']);
  expect(containing(/redis/i, inside('limit'))).toEqual(['limit/redis-store.ts']);
});

test('only the folder of a method and the registry name the method', () => {
  const code = files.map((file) => ({ ...file, text: file.text.replace(/^\s*(?:\/\*\*|\*|\/\/).*$/gm, '') }));
  const named = containing(/'(?:api_key|jwt|oauth|mtls)'/, code).filter(
    (name) => !/^(?:auth\/methods(?:\/|\.ts$)|demo\/)/.test(name),
  );
  // The file spells a rate limit key of a claim `jwt:sub`, for every method that has claims.
  expect(named).toEqual(['config/schema/rate-limit.ts']);
});

test('observe knows of auth its types alone', () => {
  const values = inside('observe').flatMap(({ text }) => text.match(/^import (?!type )[^;]*\/auth\/[^;]*/gm) ?? []);
  expect(values).toEqual([]);
});

describe('a package stands behind one file', () => {
  const PACKAGES = [
    'passport',
    'passport-headerapikey',
    'passport-http',
    'passport-jwt',
    'jwks-rsa',
    'ioredis',
    'http-proxy-middleware',
    'undici',
    'cors',
    'yaml',
  ];

  test.each(PACKAGES)('%s', (name) => {
    expect(importers((each) => each === name || each.startsWith(`${name}/`))).toHaveLength(1);
  });

  test('no other passport package is in use; the base class of all strategies is for those who write one', () => {
    const passports = new Set(files.flatMap(({ imports }) => imports.filter((each) => each.startsWith('passport-'))));
    expect([...passports].filter((name) => !PACKAGES.includes(name))).toEqual(['passport-strategy']);
    const outside = importers((each) => each === 'passport-strategy').filter(
      (name) => !/^auth\/(method\.ts|methods\/)/.test(name),
    );
    expect(outside).toEqual([]);
  });

  test('hosts are for tests and examples', () => {
    expect(importers((each) => /^(express|connect)(\d|\/|$)/.test(each))).toEqual([]);
    expect(importers((each) => /^@types\//.test(each))).toEqual([]);
  });
});

test('authentication never sees a response to write', () => {
  expect(containing(/\bServerResponse\b/, inside('auth', 'tokens', 'limit', 'config', 'routing'))).toEqual([]);
  expect(containing(/\bServerResponse\b/, inside('gateway', 'admission'))).not.toEqual([]);
});

describe('only admission/deny.ts writes a denial', () => {
  // A client of a route never receives an answer of the demo's backends or of the administrator's address.
  const judged = files.filter(({ name }) => !['demo', 'admin'].includes(rowOf(name)));

  test('no other file writes a problem document', () => {
    expect(containing(/application\/problem\+json/, judged)).toEqual(['admission/deny.ts']);
  });

  test('no other file writes a 4xx status', () => {
    const refusal = /writeHead\(\s*4\d\d|statusCode\s*=\s*4\d\d|HTTP\/1\.1 4\d\d/;
    expect(containing(refusal, judged)).toEqual([]);
  });

  test('no layer that decides writes at all', () => {
    const deciding = inside('lib', 'tokens', 'wasm', 'limit', 'auth', 'config', 'observe', 'routing');
    expect(containing(/\.writeHead\(|\.statusCode\s*=[^=]|HTTP\/1\.1 /, deciding)).toEqual([]);
  });
});

test('config builds no strategy', () => {
  const config = inside('config');
  expect(containing(/\bnew \w*Strategy\b|\.compile\(|\bcompileMethods?\(/, config)).toEqual([]);
  expect(
    config.flatMap(({ imports }) => imports.filter((each) => /passport|auth\/(compile|strategy-runner)/.test(each))),
  ).toEqual([]);
});

test(`no file is longer than ${MOST_LINES} lines`, () => {
  expect(files.filter(({ lines }) => lines > MOST_LINES).map(({ name, lines }) => `${name}: ${lines}`)).toEqual([]);
});

test('each file says first what it owns', () => {
  expect(files.filter(({ text }) => !/^(#!.*\n)?\/\*\*\s/.test(text)).map(({ name }) => name)).toEqual([]);
});
