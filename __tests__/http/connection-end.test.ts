/** Bytes that a client sends after the last response of a connection do not reach an upstream. */
import { BOTH } from '../support/both-hosts.js';
import { Conversation } from '../support/conversation.js';
import { echoUpstream, type Echo } from '../support/recording-upstream.js';
import { request } from '../support/attack-ground.js';

let upstream: Echo;
beforeAll(async () => (upstream = await echoUpstream()));
afterAll(() => upstream.close());
beforeEach(() => void upstream.requests.splice(0));

const file = (): string => `
middleware: { auth: { api_key: { keys: [{ key: key-of-alice, name: alice }] } } }
routes:
  - { path: /open/*, upstream: far, auth: none }
  - { path: /key/*, upstream: far, auth: { api_key: true } }
upstreams: [{ name: far, endpoints: ["127.0.0.1:${upstream.port}"] }]
`;
const behind = request('GET', '/open/behind');

describe.each(BOTH)('$name', ({ start }) => {
  test.each([
    ['another coding before chunks', 400, request('POST', '/open/a', ['Transfer-Encoding: cow, chunked'], '0\r\n\r\n')],
    ['framing in another spelling', 400, request('GET', '/open/a', ['Content_Length: 5'])],
    ['Connection naming Host', 400, request('GET', '/open/a', ['Connection: host'])],
    ['a path with two meanings', 400, request('GET', '/open/../key/a')],
    [
      'a body without a credential',
      401,
      request('POST', '/key/a', ['Transfer-Encoding: chunked'], '1\r\na\r\n0\r\n\r\n'),
    ],
  ])('%s is answered %i, and nothing behind it', async (_what, status, bytes) => {
    const gateway = await start(file());
    const answers = await new Conversation(gateway.port).send(bytes + behind).rest();
    expect(answers.map((each) => each.status)).toEqual([status]);
    expect(answers[0]?.head).toMatch(/\r\nconnection: close/i);
    await gateway.ask('/open/later');
    expect(upstream.requests.map(({ url }) => url)).toEqual(['/open/later']);
    await gateway.close();
  });

  test('a refusal that leaves no doubt keeps the connection', async () => {
    const gateway = await start(file());
    const client = new Conversation(gateway.port).send(request('GET', '/key/a') + behind);
    expect([(await client.reply())?.status, (await client.reply())?.status]).toEqual([401, 200]);
    client.close();
    await gateway.close();
  });
});
