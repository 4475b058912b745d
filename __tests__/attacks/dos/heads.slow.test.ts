/** Heads that are expensive: too large, too many fields, every byte, and the requests of the other attack tests. */
import { closeGrounds, get, openGround, request, type Ground } from '../../support/attack-ground.js';
import { Conversation, eachOf } from '../../support/conversation.js';
import { cpuMs, residentBytes } from '../../support/footprint.js';
import { named } from '../../support/gadgets.js';
import { refused } from '../../support/request-blocks.js';

let ground: Ground;
beforeAll(async () => (ground = await openGround()));
afterAll(closeGrounds);

const statuses = async (bytes: string): Promise<readonly number[]> =>
  (await new Conversation(ground.port).send(bytes).rest()).map(({ status }) => status);
const close = (target: string, ...lines: readonly string[]): string => get(target, ...lines, 'Connection: close');

/** CPU of the gateway for one such request, in ms, on its own connection. */
async function costOf(bytes: string, times = 100): Promise<number> {
  const before = cpuMs(ground.pid);
  await eachOf(Array.from({ length: times }), 10, async () => void (await statuses(bytes)));
  return (cpuMs(ground.pid) - before) / times;
}

/** An honest one, after enough requests to warm up the code. */
async function honestCost(): Promise<number> {
  await costOf(close('/internal/x'), 300);
  return costOf(close('/internal/x'), 300);
}

const cookies = (count: number): string => Array.from({ length: count }, (_, at) => `c${at}=v`).join('; ');

describe('DOS-06 header and cookie bombs', () => {
  test.each([
    ['a value of 16 KiB', close('/public/x', `X-A: ${'a'.repeat(16_384)}`), 431],
    ['a name of 16 KiB', close('/public/x', `${'a'.repeat(16_384)}: b`), 431],
    ['a target of 16 KiB', close(`/public/${'a'.repeat(16_384)}`), 431],
    ['101 fields', close('/public/x', ...Array.from({ length: 100 }, (_, at) => `X-${at}: v`)), 431],
    ['a thousand fields', close('/public/x', ...Array.from({ length: 1_000 }, (_, at) => `X-${at}: v`)), 431],
    ['a thousand lines of one name', close('/public/x', ...Array.from({ length: 1_000 }, () => 'X-A: v')), 431],
    ['a thousand cookies a line', close('/public/x', ...Array.from({ length: 1_000 }, () => 'Cookie: a=b')), 431],
    ['five thousand cookies in one', close('/public/x', `Cookie: ${cookies(5_000)}`), 431],
    ['a thousand Forwarded', close('/public/x', ...Array.from({ length: 1_000 }, () => 'Forwarded: for=a')), 431],
  ])('%s: 431, and nothing arrives', async (_what, bytes, status) => {
    expect(await statuses(bytes)).toEqual([status]);
    expect(ground.arrived()).toEqual([]);
  });

  test('a thousand of them leave no memory behind', async () => {
    const bomb = close('/public/x', ...Array.from({ length: 100 }, (_, at) => `X-${at}: ${'v'.repeat(100)}`));
    const fire = (): Promise<void> =>
      eachOf(Array.from({ length: 1_000 }), 20, async () => void (await statuses(bomb)));
    await fire();
    const before = residentBytes(ground.pid);
    await fire();
    expect(residentBytes(ground.pid) - before).toBeLessThan(100 * 1_000 * bomb.length * 0.1);
  });

  test.each([
    ['98 fields', close('/public/x', ...Array.from({ length: 97 }, (_, at) => `X-${at}: v`))],
    ['a thousand cookies', close('/public/x', `Cookie: ${cookies(1_000)}`)],
  ])('twin: %s pass', async (_what, bytes) => {
    expect(await statuses(bytes)).toEqual([200]);
    expect(ground.arrived()).toHaveLength(1);
  });
});

describe('DOS-11 credentials of every byte', () => {
  const bytes = Array.from({ length: 256 }, (_, code) => code).filter((code) => code > 31 && code !== 127);
  const classes = [
    ...bytes.filter((code) => code % 16 === 0).map((code) => String.fromCharCode(code)),
    ...['a', '.', '=', '-', ' ', '\t', ',', '"', '\\', 'a.', ' ,', 'Bearer ', 'a=,', '====', '\xe9\xa0', ':'],
  ];

  test('15 KiB of each, for each method: refused, at the cost of a few honest requests', async () => {
    const honest = await honestCost();
    const costs: (readonly [string, number])[] = [];
    for (const each of classes) {
      const text = each.repeat(15_000 / each.length);
      for (const line of [`Authorization: Bearer ${text}`, `Authorization: Basic ${text}`, `X-API-Key: ${text}`]) {
        const path = /Basic/.test(line) ? '/ops/x' : /Key/.test(line) ? '/api/v1/x' : '/any/x';
        expect([400, 401]).toContain((await statuses(close(path, line)))[0]);
        costs.push([line.slice(0, 30), await costOf(close(path, line), 10)]);
      }
    }
    // The heads are a hundred times as long. Linear reading costs little; quadratic reading costs much.
    expect(costs.filter(([, cost]) => cost > 10 * honest + 5)).toEqual([]);
    expect(ground.arrived()).toEqual([]);
  });

  test('twin: a token of the maximum length passes', async () => {
    const token = await ground.issuer.token({ note: 'a'.repeat(5_000) });
    expect(await statuses(close('/internal/x', `Authorization: Bearer ${token}`))).toEqual([200]);
    ground.arrived();
  });
});

describe('DOS-14 a hundred times', () => {
  const attacks: readonly (readonly [string, string])[] = [
    ...refused.map(({ name, bytes }) => [name, bytes] as const),
    ...named.map(
      ({ name, lines }) => [name, request('POST', '/public/x', [lines, 'Connection: close'], '0\r\n\r\n')] as const,
    ),
    ['many escapes', close(`/public/${'%41'.repeat(4_000)}`)],
    ['many segments', close(`/public${'/a'.repeat(7_000)}`)],
    ['many parameters', close(`/public/x?${'a&'.repeat(7_000)}`)],
    ['many api keys in the query', close(`/public/x?${'api_key=a&'.repeat(1_500)}`)],
    ['a long list of addresses', close('/public/x', `X-Forwarded-For: ${'1.1.1.1,'.repeat(1_900)}`)],
    ['many options of Connection', close('/public/x', `Connection: ${'a,'.repeat(7_000)}`)],
    ['many subprotocols', close('/internal/x', `Sec-WebSocket-Protocol: ${'bearer,'.repeat(2_000)}`)],
    ['a letter that folds to many letters', close(`/public/${'%EF%B7%BA'.repeat(1_500)}`)],
  ];

  test('no attack costs a hundred honest requests', async () => {
    const honest = await honestCost();
    const costs: (readonly [string, number])[] = [];
    for (const [name, bytes] of attacks) costs.push([name, await costOf(bytes, 5)]);
    expect(costs.filter(([, cost]) => cost > 100 * honest)).toEqual([]);
    ground.arrived();
  });

  test('twin: an honest request costs less than ten milliseconds', async () => {
    expect(await honestCost()).toBeLessThan(10);
    ground.arrived();
  });
});
