/** Frames in shared memory: every frame arrives once and unchanged, and a reader survives any content of the memory. */
import fc from 'fast-check';
import { RingError, ringMemory, RingReader, RingWriter, type Frame } from '../../src/wasm/ring.js';
import { cases } from '../support/fast-check-runs.js';

const BYTES = 2_048;
const READ = 0;
const WRITTEN = 16;
const START = 32;

const frames: fc.Arbitrary<Frame> = fc.record({
  id: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  numbers: fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { maxLength: 5 }),
  texts: fc.array(fc.string({ unit: fc.constantFrom('a', '\0', 'ÿ', '日', '\ud800', '\r\n'), maxLength: 24 }), {
    maxLength: 8,
  }),
});

function opened() {
  const memory = ringMemory(BYTES);
  return { words: new Int32Array(memory), writer: new RingWriter(memory), reader: new RingReader(memory) };
}

test('frames arrive in order and unchanged, however they are written and read in turns', () => {
  const act = fc.oneof({ weight: 3, arbitrary: frames }, { weight: 1, arbitrary: fc.constant('take' as const) });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const { writer, reader } = opened();
      const written: Frame[] = [];
      const taken: Frame[] = [];
      for (const each of acts) {
        if (each === 'take') taken.push(...reader.take());
        else if (writer.write(each)) written.push(each);
      }
      taken.push(...reader.take());
      expect(taken).toEqual(written);
      expect(reader.isEmpty).toBe(true);
    }),
    cases(300),
  );
});

test('a full memory refuses a frame, and takes it when it was read', () => {
  const { writer, reader } = opened();
  const frame: Frame = { id: 1, numbers: [1], texts: ['x'.repeat(400)] };
  for (let lap = 0; lap < 20; lap += 1) {
    let count = 0;
    while (writer.write(frame)) count += 1;
    expect(count).toBeGreaterThanOrEqual(3);
    expect(reader.take()).toHaveLength(count);
  }
});

test('a frame of more than a quarter of the memory is refused', () => {
  const { writer, reader } = opened();
  expect(writer.write({ id: 1, numbers: [], texts: ['x'.repeat(BYTES / 4)] })).toBe(false);
  expect(reader.take()).toEqual([]);
});

test('a write that throws in its middle leaves nothing, and the next frame arrives', () => {
  const { writer, reader } = opened();
  const throwing = Object.assign([1, 2], {
    *[Symbol.iterator]() {
      yield 1;
      throw new RangeError('Maximum call stack size exceeded');
    },
  });
  for (let at = 0; at < 40; at += 1) {
    expect(() => writer.write({ id: 7, numbers: throwing, texts: ['lost'] })).toThrow(RangeError);
    expect(reader.isEmpty).toBe(true);
    const frame: Frame = { id: at, numbers: [at], texts: ['whole'.repeat(at)] };
    expect(writer.write(frame)).toBe(true);
    expect(reader.take()).toEqual([frame]);
  }
});

test('with any content of the memory the reader returns texts and numbers, or throws, and ends', () => {
  const word = fc.oneof(fc.integer({ min: -2, max: 600 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }));
  const change = fc.tuple(fc.nat({ max: BYTES / 4 - 1 }), word);
  fc.assert(
    fc.property(fc.array(frames, { maxLength: 6 }), fc.array(change, { maxLength: 12 }), (list, changes) => {
      const { words, writer, reader } = opened();
      for (const frame of list) writer.write(frame);
      for (const [at, value] of changes) words[at] = value;
      try {
        for (const { id, numbers, texts } of reader.take()) {
          expect([id, ...numbers].every((each) => Number.isInteger(each))).toBe(true);
          expect(texts.join('').length).toBeLessThan(BYTES);
        }
      } catch (cause) {
        expect(cause).toBeInstanceOf(RingError);
      }
    }),
    cases(500),
  );
});

/** One written frame of a text, with the places of its words. */
const AT = { size: START, serial: START + 1, numbers: START + 3, texts: START + 4, length: START + 7 };

describe('a frame that no writer has made is an error', () => {
  test.each([
    ['a length of 0', { [AT.size]: 0 }],
    ['a negative length', { [AT.size]: -8 }],
    ['a length beyond what was written', { [AT.size]: 400 }],
    ['the serial number of an earlier frame', { [AT.serial]: 0 }],
    ['the serial number of a later frame', { [AT.serial]: 2 }],
    ['a negative count of numbers', { [AT.numbers]: -1 }],
    ['more numbers than words', { [AT.numbers]: 2 ** 31 - 1 }],
    ['more texts than words', { [AT.texts]: 2 ** 30 }],
    ['a text with a negative length', { [AT.length]: -1 }],
    ['a text beyond its frame', { [AT.length]: 100 }],
    ['a mark below the frames', { [WRITTEN]: START - 1 }],
    ['a negative mark', { [WRITTEN]: -4 }],
    ['a mark beyond the memory', { [WRITTEN]: BYTES / 4 }],
    ['a mark within the frame', { [WRITTEN]: START + 7 }],
  ])('%s', (_what, changes) => {
    const { words, writer, reader } = opened();
    expect(writer.write({ id: 7, numbers: [1], texts: ['hello'] })).toBe(true);
    for (const [at, value] of Object.entries(changes)) words[Number(at)] = value;
    expect(() => reader.take()).toThrow(RingError);
  });

  test('twin: the unchanged frame is read', () => {
    const { writer, reader } = opened();
    writer.write({ id: 7, numbers: [1], texts: ['hello'] });
    expect(reader.take()).toEqual([{ id: 7, numbers: [1], texts: ['hello'] }]);
  });
});

test.each([START - 1, -1, BYTES / 4, 2 ** 31 - 1])('a writer does not write beside a reader at %d', (at) => {
  const { words, writer } = opened();
  words[READ] = at;
  expect(() => writer.write({ id: 1, numbers: [], texts: [] })).toThrow(RingError);
});

test('what the writer changes after the reading changes nothing', () => {
  const { words, writer, reader } = opened();
  writer.write({ id: 7, numbers: [1], texts: ['hello'] });
  const [frame] = reader.take();
  words.fill(-1, START);
  expect(frame).toEqual({ id: 7, numbers: [1], texts: ['hello'] });
});
