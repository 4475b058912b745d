/** Lines that a client can cause with each request are logged once for each cause and interval. */
import { Seldom, seldomLog } from '../../src/lib/seldom.js';
import { quietLog } from '../support/quiet-log.js';

test('a cause is logged once in an interval, and then with the number of omitted lines', () => {
  let now = 1_000;
  const log = quietLog();
  const seldom = seldomLog(log, () => now);
  for (let at = 0; at < 10; at++) seldom.warn({ header: 'X-Email', why: 'unverified' }, 'omitted');
  seldom.warn({ header: 'X-Email', why: 'too_long' }, 'omitted');
  expect(log.entries.map(({ facts }) => facts)).toEqual([
    { header: 'X-Email', why: 'unverified' },
    { header: 'X-Email', why: 'too_long' },
  ]);
  now += 60_000;
  seldom.warn({ header: 'X-Email', why: 'unverified' }, 'omitted');
  expect(log.entries.at(-1)).toEqual({
    level: 'warn',
    facts: { header: 'X-Email', why: 'unverified', omitted: 9 },
    words: 'omitted',
  });
});

test('a clock that is set back silences no cause, and information is never left out', () => {
  let now = 1_000_000;
  const told: number[] = [];
  const seldom = new Seldom(() => now);
  seldom.tell('cause', (omitted) => told.push(omitted));
  now = 0;
  seldom.tell('cause', (omitted) => told.push(omitted));
  expect(told).toEqual([0, 0]);
  const log = quietLog();
  const limited = seldomLog(log, () => now);
  for (let at = 0; at < 3; at++) limited.info({}, 'denied');
  expect(log.entries).toHaveLength(3);
});
