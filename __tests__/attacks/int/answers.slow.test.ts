/** Answers of an introspection server that decide nothing, or look active but are not. */
import { gzipSync } from 'node:zlib';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get } from '../../support/attack-ground.js';
import { introspected, yes, type Introspected } from '../../support/introspected.js';
import { json, raw, type Answer } from '../../tokens/introspection-server.js';

let at: Introspected;
beforeAll(async () => (at = await introspected()));
afterAll(closeGrounds);

const text = (body: string): Answer => raw(200, body, { 'content-type': 'application/json' });

const ada = { sub: 'ada', username: 'ada' };

async function undecided(by: Answer): Promise<string | undefined> {
  const answer = await at.answered(by);
  expect(statusOf(answer)).toBe(503);
  expect(answer).not.toMatch(/^www-authenticate:/im);
  return /^retry-after: *(\d+)\r$/im.exec(answer)?.[1];
}

describe('INT-03 only `true` is true', () => {
  test.each<unknown>(['true', 'True', 'yes', '1', 1, 0, 'false', false, null, {}, { value: true }, [], [true], '', -1])(
    '"active": %j is inactive',
    (active) => at.refused(json({ ...ada, active })),
  );

  test.each([
    '{}',
    '{"Active":true,"sub":"ada"}',
    '{"sub":"ada"}',
    '{"__proto__":{"active":true},"sub":"ada"}',
    '{"active ":true,"sub":"ada"}',
    '{"data":{"active":true,"sub":"ada"}}',
  ])('%s is inactive', (body) => at.refused(text(body)));

  test.each([
    'null',
    'true',
    '[]',
    '"active"',
    '[{"active":true,"sub":"ada"}]',
    '{"active":false,"active":true,"sub":"ada"}',
    '{"active":true,"active":false,"sub":"ada"}',
    '{"active":false,"\\u0061ctive":true,"sub":"ada"}',
    '{"active":true,"sub":"bob","sub":"admin"}',
    '{"active":true,"a":{"x":1,"x":2},"sub":"ada"}',
    '{"active":true,"sub":"ada"}{"active":false}',
    '{"active":true,"sub":"ada",}',
    "{'active':true,'sub':'ada'}",
    '{"active":TRUE,"sub":"ada"}',
    '\ufeff{"active":true,"sub":"ada"}',
    '{"active":true,"sub":"ada"} // yes',
    `{"active":true,"sub":"ada","x":${'['.repeat(3_000)}${']'.repeat(3_000)}}`,
  ])('%.60s decides nothing', async (body) => {
    await undecided(text(body));
  });

  test('twin: true is active', () => at.passes(yes()));
});

describe('INT-04 an invalid answer is 503', () => {
  test.each<[string, Answer]>([
    ['200 with a page', raw(200, '<html>"active":true</html>', { 'content-type': 'text/html' })],
    ['204', raw(204, '')],
    ['200 with nothing', text('')],
    ['201', json({ active: true, ...ada }, 201)],
    ['202', json({ active: true, ...ada }, 202)],
    ['301', raw(301, '{"active":true,"sub":"ada"}', { location: '/yes' })],
    ['307', raw(307, '{"active":true,"sub":"ada"}', { location: '/yes' })],
    ['400', json({ active: true, ...ada }, 400)],
    ['401', json({ active: true, ...ada }, 401)],
    ['403', json({ active: false }, 403)],
    ['404', json({ active: false }, 404)],
    ['500', json({ active: true, ...ada }, 500)],
    [
      'cut in the middle',
      (_asked, to) =>
        void to.writeHead(200, { 'content-length': '1000' }).write('{"active":true,"sub":"ada"}', () => to.destroy()),
    ],
    [
      'a chunk cut in the middle',
      (_asked, to) => void to.writeHead(200).write('{"active":true,"sub":', () => to.destroy()),
    ],
    ['a connection that ends', (_asked, to) => void to.destroy()],
    ['invalid gzip', raw(200, '{"active":true,"sub":"ada"}', { 'content-encoding': 'gzip' })],
    ['gzip cut off', raw(200, gzipSync('{"active":true,"sub":"ada"}').subarray(0, 20), { 'content-encoding': 'gzip' })],
    [
      'a bomb',
      raw(200, gzipSync(`{"active":true,"sub":"ada","x":"${' '.repeat(5e6)}"}`), { 'content-encoding': 'gzip' }),
    ],
    ['too much', yes({ x: 'x'.repeat(70_000) })],
    ['Latin-1', raw(200, Buffer.from('{"active":true,"sub":"\u00e9"}', 'latin1'))],
  ])('%s', async (_what, answer) => {
    expect(Number(await undecided(answer))).toBeGreaterThan(0);
  });

  test('an error with 200 is inactive', () => at.refused(json({ error: 'invalid_client' })));

  test('the server’s Retry-After is passed on', async () => {
    for (const status of [429, 503]) expect(await undecided(raw(status, '', { 'retry-after': '17' }))).toBe('17');
    const date = new Date(Date.now() + 60_000).toUTCString();
    expect(Number(await undecided(raw(429, '', { 'retry-after': date })))).toBeGreaterThan(40);
    for (const odd of ['-5', '1e9', 'soon', '17, 18', '99999999999', '0x10'])
      expect(Number(await undecided(raw(429, '', { 'retry-after': odd })))).toBeLessThanOrEqual(3_600);
  });

  test('twin: an answer in gzip, in chunks or with another type is valid, and an outage is not cached', async () => {
    const body = JSON.stringify({ active: true, ...ada });
    await at.passes(raw(200, gzipSync(body), { 'content-encoding': 'gzip' }));
    await at.passes((_asked, to) => void to.writeHead(200).write(body.slice(0, 9), () => to.end(body.slice(9))));
    await at.passes(raw(200, body, { 'content-type': 'application/token-introspection+json' }));
    const again = at.again();
    at.ground.introspection.answer = raw(500, '');
    const asking = async (line: string): Promise<number> => statusOf(await at.ground.send(get('/oauth/x', line)));
    expect([await asking(again), await asking('Authorization: Bearer other')]).toEqual([200, 503]);
    at.ground.introspection.answer = yes();
    expect(await asking('Authorization: Bearer other')).toBe(200);
  });
});
