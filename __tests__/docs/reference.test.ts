/** The option tables of the reference are those of the schema. */
import { jsonSchema } from '../../src/config/json-schema.js';
import { END, optionTables, START } from '../../scripts/option-tables.mjs';
import { pageOf } from './pages.js';

const { text } = pageOf('docs/reference/options.md');

test('its option tables are those of the schema, no more and no less', () => {
  const written = text.split(START)[1]?.split(END)[0]?.trim();
  expect(written).toBe(optionTables(jsonSchema()).trim());
});

test('every option has words', () => {
  const empty = text.split('\n').filter((line) => /^\| `[^|]+` \|[^|]*\|\s*\|$/.test(line));
  expect(empty).toEqual([]);
});
