/** Requests and decisions as frames: unchanged after the way through shared memory, and refused if they are forged. */
import type { PluginDecision, PluginRequest } from '../../src/wasm/decision.js';
import { decisionFrame, decisionOf, FramedRequest, requestFrame } from '../../src/wasm/frames.js';
import { RingError, ringMemory, RingReader, RingWriter, type Frame } from '../../src/wasm/ring.js';

function sent(frame: Frame): Frame {
  const memory = ringMemory(65_536);
  expect(new RingWriter(memory).write(frame)).toBe(true);
  const [received] = new RingReader(memory).take();
  if (!received) throw new Error('no frame arrived');
  return received;
}

test('a request', () => {
  const request: PluginRequest = {
    pairs: [
      [':path', '/a?b=\tc'],
      ['x-latin', '\u00e4\u00ff'],
      ['x-empty', ''],
      ['x-empty', 'again'],
    ],
    properties: { 'request.time': 1.5e18, 'connection.mtls': true, 'connection.subject_peer_certificate': 'CN=日本\0' },
    hasBody: true,
  };
  const frame = sent(requestFrame(7, -3, request));
  expect([frame.id, frame.numbers[0]]).toEqual([7, -3]);
  const { pairs, properties, hasBody, body } = new FramedRequest(frame, Buffer.from('body'));
  expect({ pairs, properties, hasBody }).toEqual(request);
  expect(body).toEqual(Buffer.from('body'));
});

const DECISIONS: readonly PluginDecision[] = [
  { kind: 'continue', set: [], removed: [], claims: {} },
  {
    kind: 'continue',
    set: [
      ['x-user', 'alice'],
      ['x-user', '\u00c3\u00a4'],
    ],
    removed: ['cookie', 'x-key'],
    subject: '',
    claims: { group: '日本', __proto__x: '' },
  },
  {
    kind: 'respond',
    response: { status: 403, headers: [['WWW-Authenticate', 'Plugin']], body: Buffer.from([0, 128, 255]) },
    details: 'no key 日',
  },
  { kind: 'fault', fault: 'unavailable', detail: 'no longer starts' },
];

test.each(DECISIONS)('a decision: $kind', (decision) => {
  expect(decisionOf(sent(decisionFrame(7, decision)))).toEqual(decision);
});

describe('a forged decision is an error', () => {
  test.each<[string, readonly number[], readonly string[]]>([
    ['nothing', [], []],
    ['an unknown kind', [3, 0, 0, 0], []],
    ['counts that are missing', [0], []],
    ['a negative count', [0, -1, 0, 0], ['a', 'b']],
    ['more fields than texts', [0, 2, 0, 0], ['x-user', 'alice']],
    ['more removed fields than texts', [0, 0, 2 ** 31 - 1, 0], ['x-user']],
    ['two subjects', [0, 0, 0, 2], ['alice', 'bob']],
    ['a claim without a value', [0, 0, 0, 0], ['group']],
    ['a field with a line break', [0, 1, 0, 0], ['x-user', 'alice\r\nx-admin: 1']],
    ['a field with an invalid name', [0, 1, 0, 0], ['x user', 'alice']],
    ['a response with the status 101', [1, 101], ['', '']],
    ['a response with the status 600', [1, 600], ['', '']],
    ['a response without a body', [1, 403], ['']],
    ['a response with half a field', [1, 403], ['', '', 'x-name']],
    ['a response with a line break in a field', [1, 403], ['', '', 'x-name', 'a\nb']],
    ['an unknown fault', [2, 99], ['detail']],
    ['a negative fault', [2, -1], ['detail']],
    ['a fault without its detail', [2, 0], []],
  ])('%s', (_what, numbers, texts) => {
    expect(() => decisionOf({ numbers, texts })).toThrow(RingError);
  });
});
