import fc from 'fast-check';
import { parse } from 'yaml';
import { ConfigError } from '../../src/config/diagnostics.js';
import { compileFile } from '../../src/config/index.js';
import { pageFile } from './page-blocks.js';
import { cases } from '../support/fast-check-runs.js';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const PAGES = [2, 5, 9, 10, 12, 13].map((at) => parse(pageFile(at)) as Json);

function pathsOf(value: Json, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, child]) => pathsOf(child, [...path, key]))];
}

/** The document with another value at a path, or without what stood there. */
function altered(value: Json, path: readonly string[], put: Json | undefined): Json | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return put;
  const copy = (Array.isArray(value) ? [...(value as Json[])] : { ...(value as object) }) as Record<string, Json>;
  const child = altered(copy[key] as Json, rest, put);
  if (child === undefined) delete copy[key];
  else copy[key] = child;
  return Array.isArray(copy) ? copy.filter((each) => each !== undefined) : copy;
}

const WORDS = [
  'none',
  'jwt',
  'api_key',
  'mtls',
  'require',
  'X-User-ID',
  '/a/*',
  ':80',
  '${X}',
  '${file:x}',
  'https://a.test',
  '5m',
  '__proto__',
];
const word = fc.oneof(fc.constantFrom(...WORDS), fc.string());
const junk = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    word,
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double(),
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(word, tie('json'), { maxKeys: 3 }),
  ),
})).json;

const broken = fc.constantFrom(...PAGES).chain((page) =>
  fc
    .array(fc.tuple(fc.constantFrom(...pathsOf(page).slice(1)), fc.option(junk, { nil: undefined })), {
      minLength: 1,
      maxLength: 3,
    })
    .map((changes) => {
      try {
        return changes.reduce<Json>((whole, [path, put]) => altered(whole, path, put) ?? null, page);
      } catch {
        // A change below what an earlier one took away.
        return page;
      }
    }),
);

function compiles(text: string, mode: 'middleware' | 'serve'): boolean {
  try {
    compileFile({ text, file: 'loom.yaml' }, { mode, env: {} });
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.diagnostics.some(({ level }) => level === 'error')).toBe(true);
    return false;
  }
}

it.each(['middleware', 'serve'] as const)(
  'ends in a plan or in one ConfigError, whatever stands in a file: %s',
  (mode) => {
    fc.assert(
      fc.property(broken, (file) => {
        compiles(JSON.stringify(file), mode);
      }),
      cases(1_000, { cost: 20 }),
    );
  },
);

it('ends in a plan or in one ConfigError, whatever the text', () => {
  const pages = [2, 5, 9, 10, 12, 13].map(pageFile);
  const cut = fc.tuple(fc.constantFrom(...pages), fc.nat(), fc.string({ maxLength: 8 }), fc.nat(20));
  fc.assert(
    fc.property(cut, ([page, at, put, gone]) => {
      const place = at % page.length;
      compiles(page.slice(0, place) + put + page.slice(place + gone), 'middleware');
    }),
    cases(1_000, { cost: 20 }),
  );
});

it('loads the files that are broken here as they are', () => {
  for (const page of PAGES) expect(compiles(JSON.stringify(page), 'middleware')).toBe(true);
});
