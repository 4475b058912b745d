import fc from 'fast-check';
import { parseStrictJson } from '../../src/lib/strict-json.js';
import { cases } from '../support/fast-check-runs.js';

test('it reads whatever JSON.stringify writes', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), fc.constantFrom(undefined, 2), (value, space) => {
      const text = JSON.stringify(value, null, space);
      expect(parseStrictJson(text)).toEqual(JSON.parse(text));
    }),
    cases(100, { cost: 5 }),
  );
});

test('it refuses what JSON.parse refuses', () => {
  const parses = (parse: (text: string) => unknown, text: string) => {
    try {
      parse(text);
      return true;
    } catch {
      return false;
    }
  };
  const soup = fc
    .array(fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '"a"', '"b"', '\\', '1', 'null', ' '))
    .map((all) => all.join(''));
  fc.assert(
    fc.property(soup, (text) => !parses(parseStrictJson, text) || parses(JSON.parse, text)),
    cases(2_000, { cost: 5 }),
  );
});

test.each([
  '{"a":1,"a":1}',
  '{"a":1,"\\u0061":2}',
  '{"\\u0061":1,"a":2}',
  '{"x":{"a":1,"b":[],"a":2}}',
  '[{"a":1},{"a":1,"a":1}]',
  '{"a":{"b":1},"c":["a"],"a":3}',
  '{"__proto__":1,"__proto__":2}',
])('a duplicate member name is refused: %s', (text) => {
  expect(() => parseStrictJson(text)).toThrow('duplicate member name');
});

test.each([
  '{"a":{"a":{"a":1}}}',
  '[{"a":1},{"a":1}]',
  '{"a":"a","b":"a"}',
  '{"a":",\\"a\\":1","b":1}',
  '{"a":["a","a"]}',
])('a name that occurs elsewhere is no duplicate: %s', (text) => {
  expect(parseStrictJson(text)).toEqual(JSON.parse(text));
});

test('32 levels are read, 33 are not, and a million end at once', () => {
  const nest = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  expect(parseStrictJson(nest(32))).toBeDefined();
  expect(() => parseStrictJson(nest(33))).toThrow('nested too deeply');
  expect(() => parseStrictJson('{"a":'.repeat(1_000_000))).toThrow('nested too deeply');
});

test('a long string does not exhaust the scan', () => {
  const long = 'x\\n'.repeat(2_000_000);
  expect(parseStrictJson(`"${long}"`)).toHaveLength(4_000_000);
  expect(() => parseStrictJson(`"${long}`)).toThrow('not JSON');
});

test('"__proto__" is a member like any other', () => {
  const value = parseStrictJson('{"__proto__":{"admin":true}}') as Record<string, unknown>;
  expect(Object.keys(value)).toEqual(['__proto__']);
  expect(value['admin']).toBeUndefined();
});

test('the message never quotes the text', () => {
  expect(() => parseStrictJson('{"secret"')).toThrow(/^not JSON$/);
});
