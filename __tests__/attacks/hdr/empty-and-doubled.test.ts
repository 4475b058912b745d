/** Empty credentials, and one credential in several places: what counts as none, as one and as two. */
import { hashSync } from 'bcryptjs';
import { closeFronted, fronted, frontFile, type Fronted } from '../../support/fronted.js';
import { seconds } from '../../support/token-issuer.js';
import { LONG_SECRET, signedBySecret } from '../../tokens/signing.js';

const KEY = 'key-of-alice-that-is-long';
const BLOCKS = `
  jwt: { algorithm: HS256, secret: "${LONG_SECRET}", audience: api, query_param: token, cookie: session, forward_credentials: false },
  api_key: { query_param: key, keys: [{ key: ${KEY}, name: alice }] },
  basic: { users: [{ username: ada, password_hash: "${hashSync('right', 4)}" }] }`;

let guarded: Fronted;
let optional: Fronted;
let good: string;
let other: string;
beforeAll(async () => {
  guarded = await fronted(frontFile(BLOCKS, '{ methods: [jwt, api_key, basic] }'));
  optional = await fronted(frontFile(BLOCKS, '{ require: false, methods: [jwt, api_key] }'));
  const token = (jti: string): Promise<string> => signedBySecret({ sub: 'ada', aud: 'api', jti, exp: seconds() + 600 });
  [good, other] = [await token('1'), await token('2')];
});
afterAll(closeFronted);

const fill = (text: string): string => text.replaceAll('GOOD', good).replaceAll('OTHER', other);

describe('G-20 an empty line beside a good one', () => {
  test.each<[string, ...string[]]>([
    ['/', 'Authorization: Bearer', 'Authorization: Bearer GOOD'],
    ['/', 'Authorization: Bearer GOOD', 'Authorization:'],
    ['/', 'Authorization: Bearer', 'Authorization: Bearer'],
    ['/', 'X-API-Key:', `X-API-Key: ${KEY}`],
    ['/', 'X-API-Key:', 'X-API-Key:'],
    ['/?token=&token=GOOD'],
    ['/?token=GOOD&tok%65n'],
    [`/?key=${KEY}&key=`],
    ['/', 'Cookie: session=; session=GOOD'],
    ['/', 'Cookie: session=GOOD', 'Cookie: session='],
    ['/', 'Sec-WebSocket-Protocol: bearer, GOOD, Bearer'],
    ['/', 'Sec-WebSocket-Protocol: BEARER, bearer, GOOD'],
    ['/?token=OTHER', 'Authorization: Bearer GOOD'],
    ['/', 'Authorization: Bearer GOOD', 'Cookie: session=OTHER'],
    ['/?token=GOOD', 'Authorization: Bearer,'],
  ])('is 400: %s %s %s', async (target, ...lines) => {
    for (const at of [guarded, optional]) {
      expect(await at.send(fill(target), ...lines.map(fill))).toBe(400);
      expect(at.arrived()).toBeUndefined();
    }
  });

  test.each<[string, ...string[]]>([
    ['/?key=%20'],
    ['/?key=+'],
    ['/?key=%09'],
    ['/?token=%20'],
    ['/', 'Cookie: session=""'],
    ['/', 'Cookie: session=\u00a0'],
    ['/', 'X-API-Key: \u00a0'],
    ['/', 'X-API-Key: ""'],
    ['/', 'Authorization: Bearer ""'],
    ['/', 'Authorization: Bearer \u00a0'],
    ['/', 'Authorization: Bearer,'],
    ['/', 'Authorization: Basic Og=='],
    ['/', 'Authorization: Token'],
    ['/', 'Sec-WebSocket-Protocol: bearer, \u00a0'],
  ])(
    'a value that only looks empty is a wrong credential, also where none is needed: %s %s',
    async (target, ...lines) => {
      for (const at of [guarded, optional]) {
        expect(await at.send(target, ...lines)).toBe(401);
        expect(at.arrived()).toBeUndefined();
      }
    },
  );

  test.each<[string, ...string[]]>([
    ['/', 'Authorization:'],
    ['/', 'Authorization: Bearer'],
    ['/', 'Authorization: bEARER \t '],
    ['/', 'Authorization: Basic '],
    ['/', 'X-API-Key: \t'],
    ['/?key='],
    ['/?key&token'],
    ['/', 'Cookie: session='],
    ['/', 'Cookie: session= \t; theme=dark'],
    ['/', 'Sec-WebSocket-Protocol: bearer'],
    ['/', 'Sec-WebSocket-Protocol: Bearer, ,'],
  ])('twin: an empty credential is none: %s %s', async (target, ...lines) => {
    expect(await guarded.send(target, ...lines)).toBe(401);
    expect(await optional.send(target, ...lines)).toBe(200);
    const echoed = optional.arrived();
    expect(echoed?.url).toBe('/');
    expect(echoed?.headers['cookie'] ?? 'theme=dark').toBe('theme=dark');
  });

  test.each<[string, ...string[]]>([
    ['/?token=GOOD', 'Authorization: Bearer GOOD'],
    ['/', 'Authorization: Bearer GOOD', 'Cookie: session=GOOD'],
    ['/?token=GOOD', 'Cookie: session=GOOD', 'Sec-WebSocket-Protocol: BeaReR, GOOD'],
    ['/?token=', 'Authorization: Bearer', 'Cookie: session=GOOD'],
    [`/?key=${KEY}`, `X-API-Key: ${KEY}`],
    [`/?key=${KEY}`, 'X-API-Key:', 'Authorization: Bearer'],
    ['/', 'Sec-WebSocket-Protocol: BEARER, GOOD'],
  ])('twin: one value in several places passes, and no place goes on: %s %s', async (target, ...lines) => {
    for (const at of [guarded, optional]) {
      expect(await at.send(fill(target), ...lines.map(fill))).toBe(200);
      const echoed = at.arrived();
      expect(echoed?.url).toBe('/');
      expect(JSON.stringify(echoed)).not.toMatch(/bearer/i);
      expect(JSON.stringify(echoed)).not.toContain(good);
      expect(JSON.stringify(echoed)).not.toContain(KEY);
    }
  });

  test('a cookie among the places is sent unasked, so another site cannot use it', async () => {
    const alone = { Authorization: `Bearer ${good}`, Origin: 'https://evil.example' };
    expect(await guarded.ask({ method: 'POST', headers: { ...alone, Cookie: `session=${good}` } })).toBe('403');
    expect(await guarded.ask({ method: 'POST', headers: alone })).toBe('200 jwt:ada');
    expect(await guarded.ask({ method: 'POST', headers: { ...alone, Cookie: 'session=' } })).toBe('200 jwt:ada');
  });
});
