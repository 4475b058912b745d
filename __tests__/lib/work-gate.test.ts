/** The gate for work: so many pieces run, so many wait, and the owners of waiting work take turns. */
import { GateClosedError, WorkGate } from '../../src/lib/work-gate.js';

/** Work that ends when the test says so. */
function held(): { readonly work: () => Promise<void>; end(): void } {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return { work: () => ended, end: () => end() };
}

const gateFor = (waiting: number, waitMs = 20_000): WorkGate => new WorkGate({ running: 1, waiting, waitMs });
const outcomeOf = (running: Promise<unknown>): Promise<string> =>
  running.then(
    () => 'done',
    (cause: unknown) => (cause instanceof GateClosedError ? cause.message : 'failed'),
  );
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('owners take turns, and the work of one owner runs in its order', async () => {
  const gate = gateFor(100);
  const first = held();
  const ran: string[] = [];
  const all = [gate.run(first.work)];
  const add = (owner: string, name: string): void =>
    void all.push(gate.run(() => Promise.resolve(void ran.push(name)), owner));
  for (let n = 0; n < 50; n += 1) add('flood', `flood ${n}`);
  add('honest', 'honest 0');
  add('other', 'other 0');
  add('honest', 'honest 1');
  first.end();
  await Promise.all(all);
  expect(ran.slice(0, 6)).toEqual(['flood 0', 'honest 0', 'other 0', 'flood 1', 'honest 1', 'flood 2']);
  expect(ran).toHaveLength(53);
  expect(ran.filter((name) => name.startsWith('flood'))).toEqual(Array.from({ length: 50 }, (_, n) => `flood ${n}`));
});

test('in a full gate the owner with the most waiters gives up its last one; alone it is refused', async () => {
  const gate = gateFor(10);
  const first = held();
  const running = gate.run(first.work);
  const flood = Array.from({ length: 11 }, () => outcomeOf(gate.run(() => Promise.resolve(), 'flood')));
  await turn();
  const honest = outcomeOf(gate.run(() => Promise.resolve(), 'honest'));
  first.end();
  await running;
  expect(await honest).toBe('done');
  const full = 'too many requests wait already';
  expect(await Promise.all(flood)).toEqual([...Array<string>(9).fill('done'), full, full]);
});

test('as many owners as places: a newcomer is refused, and a single waiter stays', async () => {
  const gate = gateFor(5);
  const first = held();
  const running = gate.run(first.work);
  const owners = Array.from({ length: 6 }, (_, n) => outcomeOf(gate.run(() => Promise.resolve(), `owner ${n}`)));
  await turn();
  first.end();
  await running;
  expect(await Promise.all(owners)).toEqual([...Array<string>(5).fill('done'), 'too many requests wait already']);
});

test('work that waited too long is refused, and its place is free again', async () => {
  const gate = gateFor(1, 20);
  const first = held();
  const running = gate.run(first.work);
  expect(await outcomeOf(gate.run(() => Promise.resolve(), 'a'))).toBe('waited too long');
  const next = outcomeOf(gate.run(() => Promise.resolve(), 'b'));
  first.end();
  await running;
  expect(await next).toBe('done');
});

test('work that fails gives its place back', async () => {
  const gate = gateFor(1);
  await expect(gate.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await outcomeOf(gate.run(() => Promise.resolve()))).toBe('done');
});
