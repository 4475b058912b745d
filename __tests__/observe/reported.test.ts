/** The source reports each metric of the catalogue. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { METRICS } from '../../src/lib/metrics.js';

test('every metric of the catalogue is reported by some layer', () => {
  const src = resolve(__dirname, '../../src');
  const texts = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.c?ts$/.test(path) && !path.endsWith('lib/metrics.ts'))
    .map((path) => readFileSync(join(src, path), 'utf8'));
  const silent = Object.keys(METRICS).filter((name) => !texts.some((text) => text.includes(`'${name}'`)));
  expect(silent).toEqual([]);
});
