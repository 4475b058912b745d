/** A corpus of requests for testing parsers, sent to the gateway whole and in single bytes. */
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { Conversation } from '../../support/conversation.js';
import { behind, refused, sound, type RequestBlock } from '../../support/request-blocks.js';

let ground: Ground;
beforeAll(async () => (ground = await openGround()));
afterAll(closeGrounds);

const rows = (blocks: readonly RequestBlock[]) =>
  blocks.map((block) => [block.name, block.answers.join(', ') || 'no answer', block] as const);

const statuses = async (client: Conversation): Promise<readonly number[]> =>
  (await client.rest()).map(({ status }) => status);

describe('SMG-14 a corpus of requests', () => {
  test('has its stated size', () => expect(sound.length + refused.length).toBeGreaterThan(80));

  test.each(rows(refused))('%s: %s, and nothing arrives', async (_name, _answers, { bytes, answers }) => {
    expect(await statuses(new Conversation(ground.port).send(bytes))).toEqual(answers);
    expect(ground.arrived()).toEqual([]);
  });

  test.each(rows(behind))('%s: %s', async (_name, _answers, { bytes, answers }) => {
    expect(await statuses(new Conversation(ground.port).send(bytes))).toEqual(answers);
    for (const { target } of ground.arrived()) expect(target).toBe('/public/x');
  });

  test.each(rows(sound))('twin: %s: %s, and as many messages', async (_name, _answers, { bytes, answers }) => {
    expect(await statuses(new Conversation(ground.port).send(bytes))).toEqual(answers);
    expect(ground.arrived()).toHaveLength(answers.length);
  });

  test('sent in single bytes, every request gets the same response as whole', async () => {
    const short = [...sound, ...refused].filter(({ bytes }) => bytes.length < 400);
    const wrong = await Promise.all(
      short.map(async ({ name, bytes, answers }) => {
        const client = new Conversation(ground.port);
        for (const byte of bytes) {
          client.send(byte);
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        const seen = await statuses(client);
        return String(seen) === String(answers) ? [] : [`${name}: ${String(seen)}`];
      }),
    );
    expect(wrong.flat()).toEqual([]);
    expect(ground.arrived()).toHaveLength(sound.flatMap(({ answers }) => answers).length);
  });

  test('cut off anywhere, a valid request arrives at most once, and the gateway stays alive', async () => {
    const whole = get('/public/x', 'X-A: b');
    for (let at = 1; at < whole.length; at += 1) {
      const client = new Conversation(ground.port).send(whole.slice(0, at));
      client.socket.end();
      expect((await statuses(client)).every((status) => status === 400)).toBe(true);
    }
    expect(ground.arrived()).toEqual([]);
  });
});
