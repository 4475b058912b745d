/** Fifty callers at once on shared connections: no request gets the identity or the response of another. */
import { closeGrounds, openGround, type Ground } from '../../support/attack-ground.js';
import { Conversation, eachOf } from '../../support/conversation.js';
import { callersOf, crowdOptions, greeting, requestOf, seeded, slowUpstream } from '../../support/crowd.js';
import type { Caller, SlowUpstream } from '../../support/crowd.js';

/** Set another number with `CROSS_TALK_REQUESTS=1000000 npx jest cross-talk --testTimeout=3600000`. */
const REQUESTS = Number(process.env.CROSS_TALK_REQUESTS ?? 6_000);
const CONNECTIONS = 650;
const PIPELINED = 4;
const SEED = Number(process.env.CROSS_TALK_SEED ?? 20_261);

const random = seeded(SEED);
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;

let ground: Ground;
let upstream: SlowUpstream;
let callers: readonly Caller[];
beforeAll(async () => {
  upstream = await slowUpstream(40, random);
  ground = await openGround(crowdOptions(upstream.port));
  callers = await callersOf(ground.issuer);
});
afterAll(async () => {
  await closeGrounds();
  await upstream.close();
});

interface Sent {
  readonly bytes: string;
  /** The expected response. Empty if the credential is wrong. */
  readonly says: (body: string) => boolean;
  readonly status: number;
}

let made = 0;
function one(): Sent {
  const [caller, other] = [pick(callers), pick(callers)];
  const id = `r${made++}.${caller.name}`;
  const wrong = random() < 0.05;
  const field = wrong ? caller.field.replace(/.{8}$/, 'AAAAAAAA') : caller.field;
  const bytes = requestOf({ ...caller, field }, other, { id, random });
  const answers = ['', `of ${caller.name}`].map((body) => greeting(caller.name, id, body));
  return wrong
    ? { bytes, status: 401, says: (body) => body.includes('problem') }
    : { bytes, status: 200, says: (body) => answers.includes(body) };
}

const count = { answered: 0, refused: 0, left: 0, most: 0, open: 0 };
const wrong: string[] = [];

/** One connection: batches of requests of different callers at once, sometimes with an end in the middle. */
async function connection(batches: number): Promise<void> {
  const client = new Conversation(ground.port);
  for (let batch = 0; batch < batches; batch += 1) {
    // A refusal with an unread body ends its connection, so it comes last.
    const sent = Array.from({ length: PIPELINED }, one);
    const cut = sent.findIndex(({ status }) => status === 401);
    const going = cut === -1 ? sent : sent.slice(0, cut + 1);
    count.open += going.length;
    count.most = Math.max(count.most, count.open);
    const bytes = going.map((each) => each.bytes).join('');
    const half = Math.floor(random() * bytes.length);
    client.send(bytes.slice(0, half));
    if (random() < 0.5) await new Promise((resolve) => setTimeout(resolve, random() * 5));
    client.send(bytes.slice(half));
    const leaves = random() < 0.1 ? Math.floor(random() * PIPELINED) : PIPELINED;
    for (const [at, { status, says }] of going.entries()) {
      if (at === leaves) break;
      const reply = await client.reply();
      if (reply?.status !== status || !says(reply.body))
        wrong.push(`${status}: ${JSON.stringify(reply ?? 'no answer')}`);
      if (status === 401) count.refused += 1;
      else count.answered += 1;
    }
    count.open -= going.length;
    if (leaves < going.length) count.left += going.length - leaves;
    if (leaves < going.length || cut !== -1) {
      if (random() < 0.5) client.reset();
      else client.close();
      return;
    }
  }
  client.close();
}

describe('HDR-21 cross-talk', () => {
  test(`${REQUESTS} requests of fifty callers, 2,000 at once, with delays, aborts and pipelining: no identity crosses`, async () => {
    const rounds = Math.ceil(REQUESTS / (CONNECTIONS * PIPELINED));
    for (let round = 0; round < rounds || made < REQUESTS; round += 1) {
      await eachOf(Array.from({ length: CONNECTIONS }), CONNECTIONS, () => connection(1 + Math.floor(random() * 3)));
    }
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(upstream.faults.slice(0, 5)).toEqual([]);
    expect(made).toBeGreaterThanOrEqual(REQUESTS);
    expect(count.most).toBeGreaterThanOrEqual(2_000);
    expect(count.answered).toBeGreaterThan(made / 2);
    if (process.env.CROSS_TALK_REQUESTS)
      console.log(`cross-talk: seed ${SEED}, ${made} requests`, JSON.stringify(count), `${upstream.seen()} arrived`);
  });

  test('twin: each of the fifty alone gets its own identity', async () => {
    const before = upstream.seen();
    for (const [at, caller] of callers.entries()) {
      const id = `twin${at}.${caller.name}`;
      const client = new Conversation(ground.port).send(requestOf(caller, caller, { id, random }));
      expect((await client.reply())?.body.startsWith(`${caller.name} ${id} `)).toBe(true);
      client.close();
    }
    expect(upstream.seen() - before).toBe(50);
    expect(upstream.faults).toEqual([]);
  });
});
