/** Floods of guesses from one address: the lookups of other addresses take their turn. */
import type { IncomingMessage } from 'node:http';
import { KeyLookup, type Wanted } from '../../../src/auth/methods/api-key/store/key-lookup.js';
import { keyDigestOf } from '../../../src/auth/methods/api-key/store/key-text.js';
import { storeOptions } from '../../../src/auth/methods/api-key/store-options.js';
import { requestStateOf } from '../../../src/http/request-state.js';
import { memoryStore } from '../../auth/methods/api-key/store/memory-store.js';
import { quietLog } from '../../support/quiet-log.js';

function wanted(value: string, address: string): Wanted {
  const request = { headers: {}, rawHeaders: [], socket: {} } as unknown as IncomingMessage;
  requestStateOf(request).clientAddress = address;
  return { request, digest: keyDigestOf(value), isShared: false };
}

/** A store that answers when the test says so. */
function ground(): { readonly lookup: KeyLookup; readonly asked: readonly string[]; readonly answer: () => void } {
  const store = memoryStore();
  let answer = (): void => undefined;
  store.gate = new Promise((resolve) => (answer = resolve));
  store.records.push({
    id: '7d0e4c1e-9f0b-4a53-8a4b-0f3c55a0d7a1',
    name: 'ada',
    digest: keyDigestOf('the key of ada'),
    hint: '',
    created: 1,
    scopes: [],
    metadata: {},
  });
  const options = storeOptions.parse({ type: 'host', throttle: false });
  const lookup = new KeyLookup({ store, options, taken: new Set(), deps: { now: Date.now, log: quietLog() } });
  return { lookup, asked: store.asked, answer: () => answer() };
}

const reasonOf = async (finding: unknown): Promise<string> => {
  try {
    const key = (await finding) as { readonly identity: { readonly subject: string } } | undefined;
    return key?.identity.subject ?? 'unknown';
  } catch (cause) {
    return (cause as { readonly verdict: { readonly reason: string } }).verdict.reason;
  }
};

test.each([
  ['one address', () => '203.0.113.1'],
  ['one network of IPv6', (n: number) => `2001:db8::${n.toString(16)}`],
  ['a hundred addresses', (n: number) => `203.0.113.${n % 100}`],
])('G-24 a flood from %s that fills the queue leaves a place for another address', async (_where, addressOf) => {
  const { lookup, asked, answer } = ground();
  const flood = Array.from({ length: 1_200 }, (_, n) => reasonOf(lookup.find(wanted(`guess ${n}`, addressOf(n)))));
  await new Promise((resolve) => setImmediate(resolve));
  const honest = reasonOf(lookup.find(wanted('the key of ada', '198.51.100.1')));
  answer();
  expect(await honest).toBe('ada');
  // Its turn came before most of the flood.
  expect(asked.indexOf(keyDigestOf('the key of ada'))).toBeLessThan(200);
  const outcomes = await Promise.all(flood);
  expect(outcomes.filter((each) => each === 'unknown').length).toBeGreaterThan(1_000);
  expect(outcomes).toContain('pool_full');
});

test('twin: as many lookups of one address as there are places are all answered', async () => {
  const { lookup, answer } = ground();
  const many = Array.from({ length: 1_000 }, (_, n) => reasonOf(lookup.find(wanted(`guess ${n}`, '203.0.113.1'))));
  answer();
  expect(new Set(await Promise.all(many))).toEqual(new Set(['unknown']));
});
