import { SingleFlight } from '../../src/lib/single-flight.js';

const later = <T>(value: T) => new Promise<T>((resolve) => setTimeout(() => resolve(value), 10));

test('callers that ask while the work is in progress get the same result from one run', async () => {
  const flights = new SingleFlight<number>();
  let runs = 0;
  const work = () => later(++runs);
  const answers = await Promise.all(Array.from({ length: 100 }, () => flights.run('a', work)));
  expect([runs, new Set(answers).size]).toEqual([1, 1]);
});

test('another key and a later call run on their own', async () => {
  const flights = new SingleFlight<number>();
  let runs = 0;
  const work = () => later(++runs);
  expect(await Promise.all([flights.run('a', work), flights.run('b', work)])).toEqual([1, 2]);
  expect(await flights.run('a', work)).toBe(3);
});

test('a failure is shared and not kept, whether it comes at once or later', async () => {
  const flights = new SingleFlight<number>();
  const throwing = () => {
    throw new Error('at once');
  };
  await expect(Promise.all([flights.run('a', throwing), flights.run('a', throwing)])).rejects.toThrow('at once');
  await expect(flights.run('a', () => Promise.reject(new Error('later')))).rejects.toThrow('later');
  expect(await flights.run('a', () => later(1))).toBe(1);
});
