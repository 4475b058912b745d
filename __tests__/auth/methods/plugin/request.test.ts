/** What a plugin receives about the client behind a proxy. */
import { pluginRequest } from '../../../../src/auth/methods/plugin/request.js';
import { unknownClient } from '../../../../src/http/client-address.js';
import { requestStateOf } from '../../../../src/http/request-state.js';
import { getWith, judging, type Judge } from '../../../support/judge.js';

let node: Judge;
beforeAll(async () => (node = await judging()));
afterAll(() => node.close());

const sourceOf = (client: string): Promise<unknown> =>
  node.ask(getWith(), (req) => {
    requestStateOf(req).clientAddress = client;
    const seen = { hasBody: false, refused: new Set<string>(), now: Date.now() };
    return pluginRequest(req, seen).properties['source.address'];
  });

test('an unknown client has no source address, and the address of its proxy stands nowhere in it', async () => {
  expect(await sourceOf(unknownClient('10.0.0.1'))).toBe('unknown');
});

test.each([
  ['203.0.113.1', /^203\.0\.113\.1:\d+$/],
  ['2001:db8::5', /^\[2001:db8::5\]:\d+$/],
])('twin: the source address of %s has its port', async (client, source) => {
  expect(await sourceOf(client)).toMatch(source);
});
