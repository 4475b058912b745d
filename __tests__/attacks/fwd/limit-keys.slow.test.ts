/** The bucket of a request depends on its identity or its address, and never on a header of the client. */
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { handshake } from '../../support/handshake.js';

const LIMIT = 'rate: 0.001, burst: 20';

const keyedBy = (key: string): Promise<Ground> =>
  openGround({
    auth: '',
    routes: `
  - { id: optionally, path: /optionally/*, upstream: backend, auth: { require: false, methods: [jwt, api_key] } }`,
    top: `rate_limit: { enabled: true, ${LIMIT}, key: "${key}" }`,
  });

afterEach(closeGrounds);

let serial = 0;
const anyId = (): string => `user-${serial++}`;

/** How many of the requests, each with a new identity header, passed. */
async function through(ground: Ground, count: number, bytes: (id: string) => string): Promise<number> {
  const answers: number[] = [];
  for (let at = 0; at < count; at += 50) {
    const batch = Array.from({ length: Math.min(50, count - at) }, () => ground.send(bytes(anyId())));
    answers.push(...(await Promise.all(batch)).map(statusOf));
  }
  const known = answers.filter((status) => status === 429).length;
  const passed = ground.arrived().length;
  expect(passed).toBe(answers.filter((status) => status === 200 || status === 101).length);
  expect(passed + known).toBe(count);
  return passed;
}

const SPELLINGS = ['X-User-ID', 'x_user_id', 'X.User.ID'];
const named = (id: string): string[] => SPELLINGS.map((name) => `${name}: ${id}`);

describe('FWD-08 a limit by an identity header that the client sends', () => {
  test('counts one principal once, in a thousand requests with other headers', async () => {
    const ground = await keyedBy('header:X-User-ID');
    const token = `Authorization: Bearer ${await ground.issuer.token({ sub: 'alice' })}`;
    const other = `Authorization: Bearer ${await ground.issuer.token({ sub: 'bob' })}`;
    expect(await through(ground, 1000, (id) => get('/internal/x', token, ...named(id)))).toBe(20);
    // Another token of the same person, another route, a handshake: the same bucket.
    const again = `Authorization: Bearer ${await ground.issuer.token({ sub: 'alice', jti: 'other' })}`;
    expect(await through(ground, 20, (id) => get('/internal/y', again, ...named(id)))).toBe(0);
    expect(await through(ground, 20, (id) => get('/optionally/x', again, ...named(id)))).toBe(0);
    expect(await through(ground, 20, (id) => handshake('/internal/x', token, ...named(id)))).toBe(0);
    // The honest twin of the same run: a caller without earlier requests has a full bucket.
    expect(await through(ground, 30, (id) => get('/internal/x', other, ...named(id)))).toBe(20);
  });

  test('counts anonymous requests by the address', async () => {
    const ground = await keyedBy('header:X-User-ID');
    const spread = (id: string): string[] => [
      ...named(id),
      `X-Forwarded-For: 10.0.0.${serial % 250}`,
      `X-Real-IP: ${id}`,
    ];
    expect(await through(ground, 300, (id) => get('/public/x', ...spread(id)))).toBe(20);
    expect(await through(ground, 50, (id) => get('/optionally/x', ...spread(id)))).toBe(0);
    expect(await through(ground, 50, (id) => handshake('/public/x', ...spread(id)))).toBe(0);
  });

  test.each(['header:X-Anything', 'jwt:tenant,header:X-User-ID'])(
    'and is not extended by a client-chosen header in another place: %s',
    async (key) => {
      const ground = await keyedBy(key);
      const passed = await through(ground, 100, (id) => get('/public/x', ...named(id), 'X-Anything: same'));
      expect(passed).toBe(20);
    },
  );

  test.each(['header:X-User-ID', 'jwt:sub'])(
    'twin: two people with one address have a bucket each: %s',
    async (key) => {
      const ground = await keyedBy(key);
      for (const sub of ['alice', 'bob']) {
        const token = `Authorization: Bearer ${await ground.issuer.token({ sub })}`;
        expect(await through(ground, 30, () => get('/internal/x', token))).toBe(20);
      }
    },
  );
});
