/**
 * The part of WASI that plugins get: clocks, random bytes, environment and a log. There are no files and no sockets.
 */
import { A, B, NOW, openProbe, type Probe } from './probe.js';

const [SUCCESS, BADF, INVAL, NOSYS] = [0, 8, 28, 52];

let probe: Probe;
beforeEach(async () => (probe = await openProbe()));

const write = (fd: number, text: string): number => {
  const [at, size] = probe.put(text);
  const [vector] = probe.put(new Uint8Array(8));
  probe.linked.memory.writeU32(vector, at);
  probe.linked.memory.writeU32(vector + 4, size);
  return probe.call('fd_write', fd, vector, 1, A);
};

test('printed text is logged line by line, however it was split', () => {
  for (const piece of ['thread ', "'main' pan", 'icked\nat', ' lib.rs\n', 'rest'])
    expect(write(2, piece)).toBe(SUCCESS);
  expect(write(1, 'hello\n')).toBe(SUCCESS);
  expect(probe.said.slice(1)).toEqual([
    { level: 'error', words: "thread 'main' panicked" },
    { level: 'error', words: 'at lib.rs' },
    { level: 'info', words: 'hello' },
  ]);
});

test('a line that never ends is cut', () => {
  for (let count = 0; count < 30; count += 1) write(1, 'x'.repeat(500));
  // The first one is the host's message about the unknown import.
  expect(probe.said.slice(1).map(({ words }) => words.length)).toEqual([8_192]);
});

test('the number of written bytes is returned; other descriptors are bad', () => {
  write(1, 'hello');
  expect(probe.u32(A)).toBe(5);
  expect([write(0, 'x'), write(3, 'x'), write(-1, 'x')]).toEqual([BADF, BADF, BADF]);
  expect(probe.call('fd_write', 1, 0, 5_000, A)).toBe(INVAL);
});

test('there are clocks', () => {
  expect(probe.call('clock_time_get', 0, 0n, A)).toBe(SUCCESS);
  expect(probe.linked.memory.read(A, 8).readBigUInt64LE()).toBe(NOW);
  expect(probe.call('clock_time_get', 1, 0n, A)).toBe(SUCCESS);
  expect(probe.linked.memory.read(A, 8).readBigUInt64LE()).toBe(5_000_000_000n);
  expect(probe.call('clock_res_get', 0, A)).toBe(SUCCESS);
  expect([probe.call('clock_time_get', 9, 0n, A), probe.call('clock_res_get', 9, A)]).toEqual([INVAL, INVAL]);
});

test('there are random bytes, at most 64 KiB at once', () => {
  expect(probe.call('random_get', 2_048, 4)).toBe(SUCCESS);
  expect(probe.linked.memory.read(2_048, 5)).toEqual(Buffer.from([7, 7, 7, 7, 0]));
  expect(probe.call('random_get', 0, 65_537)).toBe(INVAL);
  expect(probe.call('random_get', 0, -1)).toBe(INVAL);
});

test('the environment comes from the file, and there are no arguments', () => {
  expect(probe.call('environ_sizes_get', A, B)).toBe(SUCCESS);
  expect([probe.u32(A), probe.u32(B)]).toEqual([1, 'KEY=value\0'.length]);
  expect(probe.call('environ_get', A, 2_048)).toBe(SUCCESS);
  expect(probe.linked.memory.text(probe.u32(A), 10)).toBe('KEY=value\0');
  expect(probe.call('args_sizes_get', A, B)).toBe(SUCCESS);
  expect([probe.u32(A), probe.u32(B)]).toEqual([0, 0]);
  expect(probe.call('args_get', A, B)).toBe(SUCCESS);
});

test('there are no files', () => {
  expect(probe.call('path_open', 3, 0, 0, 0, 0, 0n, 0n, 0, A)).toBe(NOSYS);
  expect(probe.call('fd_read', 0, 0, 0, A)).toBe(BADF);
  expect(probe.call('fd_close', 1)).toBe(BADF);
  expect(probe.call('fd_fdstat_get', 1, 2_048)).toBe(SUCCESS);
  expect(probe.linked.memory.read(2_048, 1)[0]).toBe(2);
  expect(probe.call('fd_fdstat_get', 3, 2_048)).toBe(BADF);
});

test('sleeping does not wait, and yielding is allowed', () => {
  expect(probe.call('poll_oneoff', 0, 0, 1, A)).toBe(SUCCESS);
  expect(probe.call('sched_yield')).toBe(SUCCESS);
});

test('a pointer out of memory ends the VM', () => {
  expect(() => probe.call('random_get', 0x1f_fff0, 64)).toThrow(/bytes at/);
});
