/** A collection of garbage that the program asks for. */
import { runInNewContext } from 'node:vm';
import { collectGarbage } from '../../src/lib/collect-garbage.js';

test('frees what is unreachable, and gives no other code the function', () => {
  const dead = new WeakRef({ large: new Array(1_000).fill('x') });
  return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
    collectGarbage();
    expect(dead.deref()).toBeUndefined();
    expect(runInNewContext('typeof gc')).toBe('undefined');
  });
});
