/** Lines that a client can cause with each request are logged once for each cause and interval. */
import { LogThrottle, throttleLog } from '../../src/lib/log-throttle.js';
import { quietLog } from '../support/quiet-log.js';

test('a cause is logged once in an interval, and then with the number of omitted lines', () => {
  let now = 1_000;
  const log = quietLog();
  const throttled = throttleLog(log, () => now);
  for (let at = 0; at < 10; at++) throttled.warn({ header: 'X-Email', why: 'unverified' }, 'omitted');
  throttled.warn({ header: 'X-Email', why: 'too_long' }, 'omitted');
  expect(log.entries.map(({ facts }) => facts)).toEqual([
    { header: 'X-Email', why: 'unverified' },
    { header: 'X-Email', why: 'too_long' },
  ]);
  now += 60_000;
  throttled.warn({ header: 'X-Email', why: 'unverified' }, 'omitted');
  expect(log.entries.at(-1)).toEqual({
    level: 'warn',
    facts: { header: 'X-Email', why: 'unverified', omitted: 9 },
    words: 'omitted',
  });
});

test('a clock that is set back silences no cause, and information is never left out', () => {
  let now = 1_000_000;
  const written: number[] = [];
  const throttle = new LogThrottle(() => now);
  throttle.log('cause', (omitted) => written.push(omitted));
  now = 0;
  throttle.log('cause', (omitted) => written.push(omitted));
  expect(written).toEqual([0, 0]);
  const log = quietLog();
  const limited = throttleLog(log, () => now);
  for (let at = 0; at < 3; at++) limited.info({}, 'denied');
  expect(log.entries).toHaveLength(3);
});
