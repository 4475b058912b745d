/** Heads with too many fields, and with the names of inherited properties in JavaScript. */
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { judging } from '../../support/judge.js';
import { lookalikesOf, valuesOf } from '../../support/messages.js';

let ground: Ground;
let token: string;
beforeAll(async () => {
  ground = await openGround();
  token = `Authorization: Bearer ${await ground.issuer.token({ sub: 'alice' })}`;
});
afterAll(closeGrounds);

/** The shortest possible names. */
const fields = (count: number): string[] => Array.from({ length: count }, (_, at) => `${(at + 1300).toString(36)}:`);

describe('HDR-09 so many fields that a parser drops the last ones, which would be ours', () => {
  test.each([98, 99, 100, 101, 300, 998, 999, 1000, 1001, 1500, 1999, 2000, 2500])(
    '%i beside Host and the token are too many',
    async (count) => {
      // 98 + Host + Authorization are the allowed hundred.
      expect(statusOf(await ground.send(get('/internal/x', ...fields(count + 1), token)))).toBe(431);
      expect(ground.arrived()).toEqual([]);
    },
  );

  test('count one by one if they share a name', async () => {
    expect(statusOf(await ground.send(get('/public/x', ...Array<string>(100).fill('a: b'))))).toBe(431);
    expect(ground.arrived()).toEqual([]);
  });

  test('twin: a hundred pass, and our headers are among those that a Node upstream reads', async () => {
    const lines = fields(98);
    expect(statusOf(await ground.send(get('/internal/x', ...lines, token)))).toBe(200);
    const [message] = ground.arrived();
    expect(message && lookalikesOf(message, 'X-User-ID')).toEqual([['x-user-id', 'alice']]);
    expect(message?.fields.map(([name]) => name)).toEqual(
      expect.arrayContaining(lines.map((line) => line.slice(0, -1))),
    );
    // Parsed again by Node's own parser with its default limits.
    const node = await judging();
    expect(await node.ask(message?.raw ?? '', (req) => req.headers['x-user-id'])).toBe('alice');
    await node.close();
  });
});

describe('HDR-10 fields with names of inherited properties', () => {
  const names = Object.getOwnPropertyNames(Object.prototype);

  test.each([...names, '__PROTO__', '__proto__\r\n__proto__', 'prototype'])(
    '%j: the request is unchanged',
    async (name) => {
      const lines = name.split('\r\n').map((each) => `${each}: admin`);
      for (const [path, extra, ours] of [
        ['/public/x', [], []],
        ['/internal/x', [token], ['alice']],
      ] as const) {
        expect(statusOf(await ground.send(get(path, ...lines, ...extra)))).toBe(200);
        const [message] = ground.arrived();
        expect(message && lookalikesOf(message, 'X-User-ID').map(([, value]) => value)).toEqual(ours);
        if (name !== 'prototype') expect(message?.raw).not.toContain('admin');
      }
      expect(statusOf(await ground.send(get('/internal/x', ...lines)))).toBe(401);
      expect(ground.arrived()).toEqual([]);
    },
  );

  test('all of them at once, twice, and in trailers', async () => {
    const lines = [...names, ...names].map((name) => `${name}: admin`);
    expect(statusOf(await ground.send(get('/internal/x', ...lines, token)))).toBe(200);
    expect(ground.arrived()[0]?.raw).not.toContain('admin');
    const trailers = lines.map((line) => `${line}\r\n`).join('');
    const bytes = get('/internal/x', token, 'Transfer-Encoding: chunked').replace('GET', 'POST');
    expect(statusOf(await ground.send(`${bytes}0\r\n${trailers}\r\n`))).toBe(200);
    expect(ground.arrived()[0]?.raw).not.toContain('admin');
  });

  test('twin: similar names pass', async () => {
    const lines = ['X-Constructor: kept', '_proto_: kept', 'to-string: kept'];
    expect(statusOf(await ground.send(get('/public/x', ...lines)))).toBe(200);
    const [message] = ground.arrived();
    for (const line of lines) expect(message && valuesOf(message, line.split(':')[0] as string)).toEqual(['kept']);
  });
});
