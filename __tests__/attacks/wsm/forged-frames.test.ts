/** A thread that writes what it likes into the shared memory: no decision counts for another request. */
import type { PluginDecision } from '../../../src/wasm/decision.js';
import { WORD } from '../../../src/wasm/channel.js';
import { decisionFrame, FramedRequest } from '../../../src/wasm/frames.js';
import { RingReader, RingWriter, type Frame } from '../../../src/wasm/ring.js';
import { Pending, ThreadLine } from '../../../src/wasm/thread-line.js';
import { outcome, requestOf } from '../../support/plugin-runner.js';
import { until } from '../../support/until.js';

/** The writer's mark, and the first frame, in words. */
const WRITTEN = 16;
const START = 32;

const granting = (who: string): PluginDecision => ({
  kind: 'continue',
  set: [['x-authenticated-user', who]],
  removed: [],
  claims: {},
});

/** The gateway's end, and the thread's end in the hands of the test. */
function line() {
  const broken: string[] = [];
  const thread = new ThreadLine({ received: () => undefined, broken: (cause) => void broken.push(cause.message) });
  const { ends } = thread;
  const writer = new RingWriter(ends.decisions);
  const reader = new RingReader(ends.requests);
  const decided = new Map<string, string[]>();
  const ask = (who: string): Pending => {
    const told: string[] = [];
    decided.set(who, told);
    const pending = new Pending(requestOf(who), (decision) => void told.push(outcome(decision)));
    thread.begin(pending);
    return pending;
  };
  /** The ids of the requests, by their `x-do`. */
  const received = (): ReadonlyMap<string, number> =>
    new Map(reader.take().map((frame) => [new FramedRequest(frame).pairs.at(-1)?.[1] ?? '', frame.id]));
  const decide = (id: number, who: string): boolean => writer.write(decisionFrame(id, granting(who)));
  return { thread, ends, writer, broken, decided, ask, received, decide };
}

const opened: ReturnType<typeof line>[] = [];
const open = (): ReturnType<typeof line> => {
  const made = line();
  opened.push(made);
  return made;
};
afterEach(() => {
  for (const { thread } of opened.splice(0)) thread.port.close();
});

describe('G-34 a decision for another request', () => {
  test.each<[string, (ids: ReadonlyMap<string, number>) => number]>([
    ['a request that was never sent', () => 99],
    ['a request that is decided already', (ids) => ids.get('ada') as number],
    ['a negative id', () => -1],
  ])('%s ends the thread, and decides nothing', (_what, idOf) => {
    const { thread, broken, decided, ask, received, decide } = open();
    ask('ada');
    ask('bob');
    const ids = received();
    decide(ids.get('ada') as number, 'ada');
    decide(idOf(ids), 'mallory');
    decide(ids.get('bob') as number, 'mallory');
    thread.read();
    expect(broken).toHaveLength(1);
    expect(Object.fromEntries(decided)).toEqual({ ada: ['x-authenticated-user=ada'], bob: [] });
    // The pool answers what is left.
    expect(thread.stop('trap', 'ended')).toHaveLength(2 - 1);
  });

  test('an answer to a request of an earlier thread is none to a request of this one', () => {
    const [first, second] = [open(), open()];
    first.ask('ada');
    const [id = 0] = first.received().values();
    const [left] = first.thread.stop('timeout', 'looped');
    if (!left) throw new Error('the request was not returned');
    second.thread.begin(left);
    // The thread that was stopped still writes.
    first.decide(id, 'mallory');
    first.thread.drain();
    second.thread.read();
    expect(first.decided.get('ada')).toEqual([]);
    second.decide([...second.received().values()][0] as number, 'ada');
    second.thread.read();
    expect(first.decided.get('ada')).toEqual(['x-authenticated-user=ada']);
  });

  test('a frame that is repeated ends the thread', () => {
    const { thread, ends, broken, ask, received, decide } = open();
    ask('ada');
    decide(received().get('ada') as number, 'ada');
    thread.read();
    const words = new Int32Array(ends.decisions);
    const mark = words[WRITTEN] as number;
    words.copyWithin(mark, START, mark);
    words[WRITTEN] = mark + (mark - START);
    ask('bob');
    thread.read();
    expect(broken).toEqual(['a frame has another serial number']);
  });

  test.each<[string, Frame]>([
    ['a field that starts another one', { id: 1, numbers: [0, 1, 0, 0], texts: ['x-user', 'a\r\nx-admin: 1'] }],
    ['a status that is no final one', { id: 1, numbers: [1, 101], texts: ['', ''] }],
    ['no kind of decision', { id: 1, numbers: [], texts: [] }],
  ])('a decision with %s ends the thread', (_what, frame) => {
    const { thread, writer, broken, decided, ask } = open();
    ask('ada');
    writer.write(frame);
    thread.read();
    expect([broken.length, decided.get('ada')]).toEqual([1, []]);
  });

  test('a message with a forged frame ends the thread as well', async () => {
    const { ends, broken, decided, ask } = open();
    ask('ada');
    ends.port.postMessage({ kind: 'decided', frame: { id: 1, numbers: 'none' } });
    await until(() => broken.length > 0);
    expect(decided.get('ada')).toEqual([]);
  });

  test('a thread that moves the mark of its reader cannot make the gateway overwrite a request', () => {
    const { ends, broken, ask } = open();
    ask('ada');
    new Int32Array(ends.requests)[0] = -4;
    ask('bob');
    expect(broken).toEqual(['a mark is at -4']);
  });

  test('twin: each of hundreds of requests gets its own decision, in any order', async () => {
    const { thread, ends, broken, decided, ask, received, decide } = open();
    for (let round = 0; round < 20; round += 1) {
      const names = Array.from({ length: 20 }, (_each, at) => `${round}-${at}`);
      names.forEach(ask);
      for (const [who, id] of [...received()].reverse()) expect(decide(id, who)).toBe(true);
      ends.port.postMessage(0);
      await until(() => thread.load === 0);
      for (const who of names) expect(decided.get(who)).toEqual([`x-authenticated-user=${who}`]);
    }
    expect(broken).toEqual([]);
    expect(Atomics.load(thread.words, WORD.gatewayWaits)).toBe(1);
  });
});
