/** Fields that an upstream which reads `_` as `-` would read as framing, identity or forwarding. */
import { ALICE_KEY, closeGrounds, get, openGround, request, type Ground } from '../../support/attack-ground.js';
import { Conversation } from '../../support/conversation.js';
import { lookalikesOf, valuesOf } from '../../support/messages.js';

let ground: Ground;
beforeAll(async () => (ground = await openGround()));
afterAll(closeGrounds);

const MARKS = ['_', '.', '~', '+', '*', "'", '!', '#', '$', '%', '&', '^', '`', '|'];
const spelt = (name: string, mark: string): string => name.replaceAll('-', mark);

const FRAMING = [
  ['Transfer-Encoding', 'chunked'],
  ['Content-Length', '5'],
  ['Content-Length', '0'],
] as const;

describe('SMG-16 framing in other spellings', () => {
  test.each(FRAMING.flatMap(([name, value]) => MARKS.map((mark) => `${spelt(name, mark)}: ${value}`)))(
    '%s beside a length is refused, and so is the request after it',
    async (line) => {
      const bytes = request('POST', '/public/x', ['Content-Length: 5', line], '0\r\n\r\n');
      const replies = await new Conversation(ground.port).send(bytes + get('/public/behind')).rest();
      expect(replies.map(({ status }) => status)).toEqual([400]);
      expect(ground.arrived()).toEqual([]);
    },
  );

  test.each(['TRANSFER_ENCODING: chunked', 'transfer_encoding: chunked', 'Transfer_Encoding:', 'content_length: 5'])(
    '%s alone is refused',
    async (line) => {
      const replies = await new Conversation(ground.port).send(get('/public/x', line)).rest();
      expect(replies.map(({ status }) => status)).toEqual([400]);
      expect(ground.arrived()).toEqual([]);
    },
  );

  test.each(MARKS)('identity and forwarding spelled with %s are dropped', async (mark) => {
    const names = ['X-User-ID', 'X-Key-Name', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Real-IP', 'X-API-Key'];
    const client = new Conversation(ground.port);
    client.send(
      get('/api/v1/x', `X-API-Key: ${ALICE_KEY['X-API-Key']}`, ...names.map((name) => `${spelt(name, mark)}: evil`)),
    );
    expect((await client.reply())?.status).toBe(200);
    client.close();
    const [message] = ground.arrived();
    expect(message?.target).toBe('/api/v1/x');
    const found = names.flatMap((name) => (message ? lookalikesOf(message, name) : []));
    expect(found.filter(([, value]) => value === 'evil')).toEqual([]);
  });

  test('twin: other names with such characters pass unchanged', async () => {
    const lines = ['Content_Type: a', 'X_Length: 5', 'X_Transfer_Encoding: chunked', 'X.Trace: 1'];
    const bytes = request('POST', '/public/x', ['Content-Length: 5', ...lines], 'hello');
    expect((await ground.send(bytes)).slice(0, 12)).toBe('HTTP/1.1 200');
    const [message] = ground.arrived();
    expect(message?.body).toBe('hello');
    for (const [name = '', value = ''] of lines.map((line) => line.split(': ')))
      expect(message && valuesOf(message, name)).toEqual([value]);
  });
});
