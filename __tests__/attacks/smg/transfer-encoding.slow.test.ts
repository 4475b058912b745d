/** Hidden `Transfer-Encoding` fields: no upstream reads more messages than were admitted. */
import { closeGrounds, openGround, request, type Ground } from '../../support/attack-ground.js';
import { Conversation, eachOf } from '../../support/conversation.js';
import { bytewise, doubles, named, type Gadget } from '../../support/gadgets.js';
import { Malformed, readMessages, type Message } from '../../support/messages.js';

let ground: Ground;
beforeAll(async () => (ground = await openGround()));
afterAll(closeGrounds);

interface Tried {
  readonly gadget: Gadget;
  readonly bytes: string;
  readonly status: number;
  /** The response to the next request on the same connection. `undefined` if the gateway had closed it. */
  readonly victim: string | undefined;
}

const numbered = /\/public\/(gadget|smuggled|victim)-(\d+)$/;

type Framed = 'with a length' | 'without';

/** The gadget, and a body that ends at once for a reader of chunks. That reader takes the rest as another request. */
function bytesOf({ lines }: Gadget, at: number, framed: Framed): string {
  const body = `0\r\n\r\n${request('GET', `/public/smuggled-${at}`)}`;
  const fields = framed === 'without' ? [lines] : [lines, `Content-Length: ${body.length}`];
  return request('POST', `/public/gadget-${at}`, fields, body);
}

async function tryAll(gadgets: readonly Gadget[], framed: Framed): Promise<readonly Tried[]> {
  const tried: Tried[] = [];
  await eachOf([...gadgets.entries()], 16, async ([at, gadget]) => {
    const bytes = bytesOf(gadget, at, framed);
    const client = new Conversation(ground.port).send(bytes);
    const first = await client.reply();
    if (first?.status === 200) client.send(request('GET', `/public/victim-${at}`));
    const second = await client.reply();
    client.close();
    tried.push({ gadget, bytes, status: first?.status ?? 0, victim: second?.body });
  });
  return tried;
}

/** What is wrong with the result. `undefined` if it is safe. */
function fault({ bytes, status, victim }: Tried, at: number, arrived: ReadonlyMap<string, readonly Message[]>) {
  if (arrived.has(`smuggled-${at}`)) return 'a request in a body arrived as a request';
  const whole = arrived.get(`gadget-${at}`) ?? [];
  if (status !== 200) return whole.length > 0 || status !== 400 ? `${status}, ${whole.length} arrived` : undefined;
  const [message] = whole;
  if (whole.length !== 1 || !message) return `${whole.length} arrived instead of one`;
  const [meant] = strictly(bytes);
  if (!meant) return 'more lenient than the strict reader';
  if (meant.body !== message.body) return `another body: ${JSON.stringify(message.body)}`;
  if (victim === undefined || !victim.includes(`victim-${at}`)) return `the next request was answered ${victim ?? '-'}`;
  return undefined;
}

/** A chunked body after invalid chunks: only a reader of chunks finds a request after it. */
function faultUnframed({ bytes, status }: Tried, at: number, arrived: ReadonlyMap<string, readonly Message[]>) {
  const [whole, behind] = [arrived.get(`gadget-${at}`) ?? [], arrived.has(`smuggled-${at}`)];
  if (status === 400) return whole.length > 0 || behind ? 'refused, and something arrived' : undefined;
  if (behind !== (strictly(bytes).length === 2)) return 'the request has two readings';
  return whole.length > 1 || whole.some(({ body }) => body !== '') ? 'more than one message arrived' : undefined;
}

function strictly(bytes: string): readonly Message[] {
  try {
    return readMessages(bytes).messages;
  } catch (error) {
    if (error instanceof Malformed) return [];
    throw error;
  }
}

async function faults(gadgets: readonly Gadget[], framed: Framed): Promise<string[]> {
  const tried = await tryAll(gadgets, framed);
  const arrived = new Map<string, Message[]>();
  for (const message of ground.arrived()) {
    const [, kind = '', at = ''] = numbered.exec(message.target) ?? [];
    arrived.set(`${kind}-${at}`, [...(arrived.get(`${kind}-${at}`) ?? []), message]);
  }
  return tried.flatMap((each) => {
    const wrong = (framed === 'without' ? faultUnframed : fault)(each, gadgets.indexOf(each.gadget), arrived);
    return wrong === undefined ? [] : [`${each.gadget.name}: ${wrong}`];
  });
}

describe('SMG-02 hidden transfer encodings', () => {
  test('are as many as in the public lists', () => {
    expect(named.length + bytewise.length + doubles.length).toBeGreaterThan(1_768);
  });

  test.each([
    ['named tricks', named],
    ['every byte in every position', bytewise],
    ['two lines', doubles],
  ])('%s beside a length: refused, or one message as the strict reader has it', async (_what, gadgets) => {
    expect(await faults(gadgets, 'with a length')).toEqual([]);
  });

  test('without a length: bytes that are not read as a body are not a second request either', async () => {
    expect(await faults(named, 'without')).toEqual([]);
  });

  test.each([
    ['a length', ['Content-Length: 5'], 'hello', 'hello'],
    ['chunks', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n', 'hello'],
    ['chunks in another case', ['transfer-encoding: Chunked'], '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n', 'hello'],
    ['another field with a similar name', ['X-Transfer-Encoding: chunked', 'Content-Length: 5'], 'hello', 'hello'],
  ])('twin: %s carries the body, and the next request on the connection gets its own response', async (...row) => {
    const [, lines, sent, body] = row;
    const client = new Conversation(ground.port).send(request('POST', '/public/twin', lines, sent));
    expect((await client.reply())?.status).toBe(200);
    expect((await client.send(request('GET', '/public/next')).reply())?.body).toContain('/public/next');
    client.close();
    const ours = ground.arrived().filter(({ target }) => !numbered.test(target));
    expect(ours.map(({ target, body: seen }) => [target, seen])).toEqual([
      ['/public/twin', body],
      ['/public/next', ''],
    ]);
  });
});
