/** Each rule has a page whose example causes exactly this rule, and whose corrected example causes none. */
import type { DiagnosticCode } from '../../../src/config/diagnostic-codes.js';
import { RULE_PAGES } from '../../../src/config/rules/index.js';
import { ExampleFolder } from './example-folder.js';

/** Codes of the parser that another rule of Loom reports first. */
const WITHOUT_EXAMPLE: readonly DiagnosticCode[] = [
  'bad_collection_type',
  'impossible',
  'multiple_docs',
  'non_string_key',
];

const pages = Object.entries(RULE_PAGES);
const examples = pages.flatMap(([code, { example }]) => (example ? [[code, example] as const] : []));

let folder: ExampleFolder;
beforeAll(async () => {
  folder = await ExampleFolder.open();
});
afterAll(() => folder.remove());

test('every rule has an example, except those that no file causes', () => {
  expect(pages.filter(([, { example }]) => !example).map(([code]) => code)).toEqual(WITHOUT_EXAMPLE);
});

test.each(examples)('%s', async (code, example) => {
  expect(await folder.codesOf(example.wrong, example)).toEqual([code]);
  expect(await folder.codesOf(example.right, example)).toEqual([]);
});

test('every page says why in plain sentences', () => {
  const bad = pages.filter(([, { why }]) => {
    const sentences = why.split(/(?<=[.:]) /);
    return !/^[A-Z`][^]*\.$/.test(why) || sentences.some((each) => each.split(' ').length > 25);
  });
  expect(bad).toEqual([]);
});
