/** Requests wait for connections that are being accepted, in their order, and never for long. */
import { Acceptance } from '../../src/serve/acceptance.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('without new connections a request is handled at once', () => {
  const acceptance = new Acceptance();
  let handled = 0;
  acceptance.handle({}, () => (handled += 1));
  expect(handled).toBe(1);
  expect(acceptance.longestWait()).toBe(0);
});

test('requests wait while connections are accepted, and are handled in their order afterwards', async () => {
  let now = 0;
  const acceptance = new Acceptance(() => now);
  const handled: number[] = [];
  for (let at = 0; at < 3; at++) {
    acceptance.accepted();
    acceptance.handle({}, () => handled.push(at));
    expect(handled).toEqual([]);
    await turn();
    now += 5;
  }
  expect(acceptance.longestWait()).toBe(0.01);
  expect(acceptance.longestWait()).toBe(0);
  while (handled.length < 3) await turn();
  expect(handled).toEqual([0, 1, 2]);
  acceptance.handle({}, () => handled.push(3));
  while (handled.length < 4) await turn();
  expect(handled).toEqual([0, 1, 2, 3]);
});

test('connections without an end do not keep a request waiting', async () => {
  let now = 0;
  const acceptance = new Acceptance(() => now);
  let handled = false;
  let turns = 0;
  acceptance.accepted();
  acceptance.handle({}, () => (handled = true));
  for (; !handled; turns++) {
    acceptance.accepted();
    await turn();
    now += 5;
  }
  expect(turns).toBeGreaterThan(1);
});

test('the requests of one connection can be handled at once, in their order; the others still wait', async () => {
  const acceptance = new Acceptance();
  const [broken, whole] = [{}, {}];
  const handled: string[] = [];
  acceptance.accepted();
  acceptance.handle(broken, () => handled.push('broken 1'));
  acceptance.handle(whole, () => handled.push('whole'));
  acceptance.handle(broken, () => handled.push('broken 2'));
  acceptance.release(broken);
  acceptance.release(broken);
  expect(handled).toEqual(['broken 1', 'broken 2']);
  while (handled.length < 3) await turn();
  expect(handled).toEqual(['broken 1', 'broken 2', 'whole']);
});

test('what one request costs does not grow with how many are held', async () => {
  const acceptance = new Acceptance();
  const connections = Array.from({ length: 20_000 }, () => ({}));
  let handled = 0;
  acceptance.accepted();
  const since = performance.now();
  for (const connection of connections) {
    acceptance.release(connection);
    acceptance.handle(connection, () => (handled += 1));
  }
  for (const connection of connections.slice(0, 10_000)) acceptance.release(connection);
  expect(handled).toBe(10_000);
  // Looking through all of them took seconds.
  expect(performance.now() - since).toBeLessThan(1_000);
  while (handled < connections.length) await turn();
});
