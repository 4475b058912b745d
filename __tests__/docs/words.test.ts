/** The documentation is in plain words: short sentences, and no pronoun in place of a name. */
import { PAGES, type Page } from './pages.js';

/** The reference is generated from code. */
const WRITTEN = PAGES.filter(({ path }) => !path.startsWith('docs/reference/'));
const MOST_WORDS = 25;

/** Paragraphs, list items and cells of tables. */
const paragraphsOf = ({ prose }: Page): string[] =>
  prose
    .split(/\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )/)
    .flatMap((text) => (text.trim().startsWith('|') ? text.split(/ \| |\n/) : [text]))
    .filter((text) => !/^\s*(?:#|<!--)/.test(text))
    .map((text) => text.replace(/\s+/g, ' ').trim());

/** A code span, a link or a number is one word. */
const plain = (text: string): string =>
  text
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/`[^`]*`/g, 'Code')
    .replace(/\*\*/g, '');

const sentencesOf = (page: Page): string[] =>
  paragraphsOf(page).flatMap((text) => plain(text).split(/(?<=[.:;?!]) (?=[A-Z0-9(])|: |; /));

const wordsIn = (sentence: string): number => sentence.split(/\s+/).filter((word) => /\w/.test(word)).length;

test.each(WRITTEN)(`$path: no sentence is longer than ${MOST_WORDS} words`, (page) => {
  expect(sentencesOf(page).filter((sentence) => wordsIn(sentence) > MOST_WORDS)).toEqual([]);
});

test.each(WRITTEN)('$path: no "whoever", no "nobody", and none of their kind', ({ prose }) => {
  const banned = /\b(?:whoever|whomever|whatever|nobody|somebody|anybody|everybody|noone)\b/gi;
  expect(prose.replace(/`[^`]*`/g, '').match(banned) ?? []).toEqual([]);
});

test('a long sentence would be noticed', () => {
  const prose = `${'word '.repeat(MOST_WORDS + 1)}end. Short.`;
  const found = sentencesOf({ path: 'x', text: prose, prose, blocks: [] });
  expect(found.filter((sentence) => wordsIn(sentence) > MOST_WORDS)).toHaveLength(1);
});
