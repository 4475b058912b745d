/** A credential that one method could not check is offered to no later method, which may know less about it. */
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, KEY, openGround, type Ground } from '../../support/attack-ground.js';
import { json } from '../../tokens/introspection-server.js';

const bearer = (token: string): string => `Authorization: Bearer ${token}`;
const revoked = json({ active: false });

let ground: Ground;
beforeAll(async () => {
  ground = await openGround({
    routes: '\n  - { id: ordered, path: "/ordered/*", upstream: backend, auth: { methods: [oauth, jwt, api_key] } }',
  });
});
afterAll(closeGrounds);

const ask = async (...lines: string[]): Promise<number> => statusOf(await ground.send(get('/ordered/x', ...lines)));

describe('a revoked token with a valid signature', () => {
  test('is not admitted by a later method when the budget of the first is used up', async () => {
    ground.introspection.answer = revoked;
    const token = await ground.issuer.token({ sub: 'fired' });
    expect(await ask(bearer(token))).toBe(401);
    for (let at = 0; at < 30; at++) await ask(bearer(`made-up-${at}`));
    expect(await ask(bearer(token))).not.toBe(200);
    expect(await ask(bearer(await ground.issuer.token({ sub: 'fired', jti: 'another' })))).toBe(429);
    expect(ground.arrived()).toEqual([]);
  });

  test('twin: another credential of the same request still grants', async () => {
    expect(await ask(bearer('made-up'), `X-API-Key: ${KEY}`)).toBe(200);
  });
});
