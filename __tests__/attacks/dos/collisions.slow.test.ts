/** Names chosen to collide in one bucket of a hash table. Reading them must take linear time. */
import { parseStrictJson } from '../../../src/lib/strict-json.js';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { cpuMs } from '../../support/footprint.js';
import { json } from '../../tokens/introspection-server.js';
import { seconds } from '../../support/token-issuer.js';

let ground: Ground;
beforeAll(async () => (ground = await openGround()));
afterAll(closeGrounds);

/** Names that read as array indices. V8 hashes them by value and length, so values a power of two apart collide. */
const KINDS: readonly (readonly [string, (at: number) => string])[] = [
  ['one after the other', (at) => String(at)],
  ['apart by 1,024', (at) => String(at * 1_024)],
  ['apart by 2^17', (at) => String(at * 2 ** 17)],
  ['beyond an array', (at) => String(2 ** 32 + at * 65_536)],
  ['with zeros before', (at) => `0${at}`],
  ['below zero', (at) => `-${at}`],
  ['letters with one sum', (at) => at.toString(2).padStart(20, '0').replaceAll('0', 'Aa').replaceAll('1', 'BB')],
];

const objectOf = (count: number, nameOf: (at: number) => string): string =>
  `{${Array.from({ length: count }, (_, at) => `"${nameOf(at)}":0`).join(',')}}`;

/** The minimum of several runs: other work on the machine only adds time. */
function least(work: () => void): number {
  const times = Array.from({ length: 5 }, () => {
    const { user: before } = process.cpuUsage();
    work();
    return (process.cpuUsage().user - before) / 1_000;
  });
  return Math.min(...times);
}

describe('DOS-07 colliding names', () => {
  test.each(KINDS)('JSON with 10^5 names %s is read in linear time', (_what, nameOf) => {
    const [small, large] = [objectOf(12_500, nameOf), objectOf(100_000, nameOf)];
    const [few, many] = [least(() => void parseStrictJson(small)), least(() => void parseStrictJson(large))];
    // Eight times as many in eight times the time. In quadratic time they would take minutes.
    expect(many).toBeLessThan(32 * few + 1_000);
  });

  test.each(KINDS)(
    'a query and a head of as many names %s as possible cost no more than other text',
    async (_what, nameOf) => {
      const cost = async (each: (at: number) => string): Promise<number> => {
        const query = Array.from({ length: 900 }, (_, at) => `${each(at)}=1`)
          .join('&')
          .slice(0, 12_000);
        const lines = Array.from({ length: 60 }, (_, at) => `X${each(at)}: 1`);
        const bytes = get(`/api/v1/x?${query}`, ...lines.filter((line) => line.length < 40), 'X-API-Key: wrong');
        const before = cpuMs(ground.pid);
        for (let at = 0; at < 50; at += 1) expect(statusOf(await ground.send(bytes))).toBe(401);
        return cpuMs(ground.pid) - before;
      };
      const plain = await cost((at) => `name-${at}-${(at * 7_919) % 1_000}`);
      expect(await cost(nameOf)).toBeLessThan(5 * plain + 250);
    },
  );

  test('an introspection answer with colliding claims is read, and costs less than a second', async () => {
    const names = Array.from({ length: 4_000 }, (_, at) => [String(at * 1_024), 0] as const);
    ground.introspection.answer = json({
      active: true,
      sub: 'bob',
      exp: seconds() + 600,
      ...Object.fromEntries(names),
    });
    const before = cpuMs(ground.pid);
    expect(statusOf(await ground.send(get('/oauth/x', 'Authorization: Bearer colliding')))).toBe(200);
    expect(cpuMs(ground.pid) - before).toBeLessThan(1_000);
    ground.arrived();
  });

  test('twin: numeric names are ordinary names', async () => {
    expect(parseStrictJson('{"1":1,"01":2,"1024":3}')).toEqual({ '1': 1, '01': 2, '1024': 3 });
    const target = '/public/x?1=a&1024=b&1=c';
    expect(statusOf(await ground.send(get(target, '1: a', '1024: b')))).toBe(200);
    expect(ground.arrived().map((message) => message.target)).toEqual([target]);
  });
});
