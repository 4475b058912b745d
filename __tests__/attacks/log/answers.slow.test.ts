/** The content of a refusal: a closed set of texts, and an id for support. */
import { TITLES } from '../../../src/http/problem.js';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround } from '../../support/attack-ground.js';
import { openRefusingGround, refusedRequests } from '../../support/refused-requests.js';

afterAll(closeGrounds);

describe('LOG-03 what a refusal says', () => {
  const TALKATIVE = [
    /\bat .*:\d+:\d+/,
    /node_modules|node:|\.js\b|\.ts\b/,
    /Error\b|exception|undefined|null|\[object/,
    /jwt|jwks|kid\b|signature|expired|audience|issuer|introspect|bcrypt|ECONN|EPROTO|HPE_|llhttp|express|passport/i,
    /127\.0\.0\.1|localhost|of-the-page|backend|dead/,
  ];
  const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4);

  test('five members in every body, no internal detail, and a header that forbids caching', async () => {
    const ground = await openRefusingGround();
    const said = new Map<string, string>();
    for (const { what, status, code, bytes } of await refusedRequests(ground)) {
      const answer = await ground.send(bytes);
      const body = JSON.parse(bodyOf(answer)) as Record<string, unknown>;
      expect({ what, members: Object.keys(body).sort() }).toEqual({
        what,
        members: ['code', 'instance', 'status', 'title', 'type'],
      });
      expect(body['instance']).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
      expect(answer).toMatch(/^content-type: application\/problem\+json\r$/im);
      expect(answer).toMatch(/^cache-control: no-store\r$/im);
      expect(answer).not.toMatch(/^(?:server|x-powered-by|via):/im);
      const head = answer.slice(0, answer.indexOf('\r\n\r\n')).replace(/^(?:x-)?ratelimit.*$/gim, '');
      for (const pattern of TALKATIVE) {
        expect({ what, told: pattern.exec(bodyOf(answer))?.[0] }).toEqual({ what, told: undefined });
        expect({ what, told: pattern.exec(head)?.[0] }).toEqual({ what, told: undefined });
      }
      // All bodies of one status and code say the same.
      const rest = JSON.stringify({ ...body, instance: '' });
      const earlier = said.get(`${status} ${code}`) ?? rest;
      expect(rest).toBe(earlier);
      said.set(`${status} ${code}`, rest);
    }
  });

  test('no title of a body reveals internals', () => {
    for (const title of Object.values(TITLES)) for (const pattern of TALKATIVE) expect(title).not.toMatch(pattern);
  });

  test('twin: an error response of the upstream passes unchanged', async () => {
    const ground = await openGround({
      answer: () => 'HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\nContent-Length: 21\r\n\r\nError: at app.js:10:20',
    });
    const answer = await ground.send(get('/public/x', 'Connection: close'));
    expect([statusOf(answer), bodyOf(answer)]).toEqual([500, 'Error: at app.js:10:20'.slice(0, 21)]);
  });
});
