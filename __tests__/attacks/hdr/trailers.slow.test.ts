/** Trailer sections: a field after the body is not forwarded, announced or not, so that no upstream merges it. */
import { createServer } from 'node:http';
import { loom } from '../../../src/loom.js';
import { askBytes, statusOf } from '../../support/ask.js';
import { ALICE_KEY, closeGrounds, KEY, openGround, type Ground } from '../../support/attack-ground.js';
import { chunkedPost, drained } from '../../support/judge.js';
import { lookalikesOf, valuesOf } from '../../support/messages.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening } from '../../support/recording-upstream.js';

let ground: Ground;
beforeAll(async () => (ground = await openGround()));
afterAll(closeGrounds);

const to = (path: string, lines: readonly string[], trailers: readonly string[]): string =>
  chunkedPost(lines, trailers).replace('POST / ', `POST ${path} `);

const KEY_LINE = `X-API-Key: ${ALICE_KEY['X-API-Key']}`;
const SECTIONS: [string, string[], string[]][] = [
  ['announced', ['Trailer: X-Key-Name'], ['X-Key-Name: admin']],
  ['unannounced', [], ['X-Key-Name: admin', 'X-User-ID: admin']],
  ['announced in another case', ['trailer: x-KEY-name, X-Sum'], ['x_key_name: admin', 'X.Key.Name: admin', 'X-Sum: 1']],
  ['announced, with its name in Connection', ['TE: trailers', 'Connection: TE'], ['X-Key-Name: admin']],
  ['named like credentials', [], [`Authorization: Bearer x`, `X-API-Key: ${KEY}`, 'Cookie: a=b']],
  ['of eighty fields', [], Array.from({ length: 80 }, (_, at) => `X-Key-Name: admin-${at}`)],
];

describe('HDR-08 a trailer section with identity headers', () => {
  test.each(SECTIONS)('%s does not reach the upstream', async (_how, lines, trailers) => {
    for (const [path, names] of [
      ['/public/x', []],
      ['/api/v1/x', ['x-key-name: alice']],
    ] as const) {
      expect(statusOf(await ground.send(to(path, [KEY_LINE, ...lines], trailers)))).toBe(200);
      const messages = ground.arrived();
      expect(messages.map(({ body }) => body)).toEqual(['abc']);
      for (const message of messages) {
        expect(lookalikesOf(message, 'X-Key-Name').map((field) => field.join(': '))).toEqual(names);
        expect(lookalikesOf(message, 'Trailer')).toEqual([]);
        // The strict reader accepts no trailer section. This checks the bytes.
        expect(message.raw).toMatch(/\r\n0\r\n\r\n$/);
        expect(message.raw).not.toContain('admin');
      }
    }
  });

  test.each(['Content-Length: 3', 'Transfer-Encoding: chunked'])('that frames is refused: %s', async (line) => {
    expect(statusOf(await ground.send(to('/public/x', ['Trailer: X-Sum'], [line])))).toBe(400);
    for (const message of ground.arrived()) expect(message.raw).not.toMatch(/trailer|content-length/i);
  });

  test('with a trailer section that never ends does not delay the response of the next client', async () => {
    const endless = to('/public/x', [], ['X-Key-Name: admin']).slice(0, -2);
    const hanging = ground.send(`${endless}X-More: `).catch(() => '');
    expect(statusOf(await ground.send(to('/public/y', [], [])))).toBe(200);
    await Promise.race([hanging, new Promise((done) => setTimeout(done, 200))]);
    for (const message of ground.arrived()) expect(message.raw).not.toContain('admin');
  });

  test('is not seen by a handler of the host either, in any view', async () => {
    const text = `middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: alice }], claims_to_headers: { name: X-Key-Name } } } }
routes: [{ path: /api/*, auth: { api_key: true } }]`;
    const gate = loom({ text, file: 'loom.yaml' }, { log: quietLog() });
    const server = createServer((req, res) =>
      gate(req, res, () => {
        void drained(req).then(({ headers, trailers, rawTrailers, trailersDistinct }) =>
          res.end(JSON.stringify([headers['x-key-name'], { ...trailers }, rawTrailers, { ...trailersDistinct }])),
        );
      }),
    );
    const port = await listening(server);
    const trailers = ['X-Key-Name: admin', 'x_key_name: admin', 'X-Sum: 1'];
    const answer = await askBytes(port, to('/api/x', [KEY_LINE, 'Connection: close'], trailers));
    expect(answer).toContain(JSON.stringify(['alice', { 'x-sum': '1' }, ['X-Sum', '1'], { 'x-sum': ['1'] }]));
    await closed(server);
    await gate.close();
  });

  test('twin: chunks without trailers arrive whole, with the same framing', async () => {
    expect(statusOf(await ground.send(to('/api/v1/x', [KEY_LINE], [])))).toBe(200);
    const [message] = ground.arrived();
    expect(message?.body).toBe('abc');
    expect(message && valuesOf(message, 'transfer-encoding')).toEqual(['chunked']);
  });
});
