/** One identity header in many spellings: whatever an upstream could read as ours arrives once, with our value. */
import { serve } from '../../../src/serve/serve.js';
import { askBytes, statusOf } from '../../support/ask.js';
import {
  attentiveUpstream,
  closeGrounds,
  echo,
  get,
  KEY,
  openGround,
  type Ground,
} from '../../support/attack-ground.js';
import { lookalikesOf } from '../../support/messages.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';

const CONFIGURED = ['x-USER-id', 'X-User-ID', 'x-user-id', 'X_USER_ID', 'x.user.id'];

let ground: Ground;
beforeAll(async () => (ground = await openGround()));
afterAll(closeGrounds);

type Sending = Pick<Ground, 'send' | 'arrived'>;

/** Every field of the one message that an upstream may read as X-User-ID: name and value unchanged. */
async function userIds(on: Sending, target: string, ...lines: readonly string[]): Promise<string[]> {
  expect(statusOf(await on.send(get(target, ...lines)))).toBe(200);
  const [message, ...more] = on.arrived();
  if (!message) throw new Error('nothing arrived');
  expect(more).toEqual([]);
  return lookalikesOf(message, 'X-User-ID').map(([name, value]) => `${name}: ${value}`);
}

const bearer = async (): Promise<string> => `Authorization: Bearer ${await ground.issuer.token({ sub: 'alice' })}`;

/** Every way to write the two separators, and three ways to write the letters. */
const MARKS = [..."-_.~!#$%&'*+^`|"];
const CASES = [(name: string) => name, (name: string) => name.toLowerCase(), (name: string) => name.toUpperCase()];
const SPELLINGS = MARKS.flatMap((one, at) =>
  ['-', '_', MARKS[(at + 5) % MARKS.length] as string].flatMap((two) =>
    CASES.map((cased) => cased(`X${one}User${two}ID`)),
  ),
);

describe('HDR-03 names that CGI, WSGI and PHP read as an identity header', () => {
  test(`never arrive, in ${SPELLINGS.length} spellings, on an open route`, async () => {
    for (let at = 0; at < SPELLINGS.length; at += 40) {
      const lines = SPELLINGS.slice(at, at + 40).map((name) => `${name}: admin`);
      expect(await userIds(ground, '/public/x', ...lines)).toEqual([]);
    }
  });

  test('never arrive beside ours, on a guarded route', async () => {
    const token = await bearer();
    for (let at = 0; at < SPELLINGS.length; at += 40) {
      const lines = SPELLINGS.slice(at, at + 40).map((name) => `${name}: admin`);
      expect(await userIds(ground, '/internal/x', token, ...lines)).toEqual(['x-user-id: alice']);
    }
  });

  test.each(['X-User-ID ', 'X-User-ID\t', ' X-User-ID', 'X-User-ID\x0b', 'X-User-ID\xa0', 'X User-ID', 'X-Üser-ID'])(
    'with invalid characters in the name are refused: %j',
    async (name) => {
      expect(statusOf(await ground.send(get('/public/x', `${name}: admin`)))).toBe(400);
      expect(ground.arrived()).toEqual([]);
    },
  );

  test.each(['XUser-ID', 'X-UserID', 'X--User-ID', 'X-User-ID-', '-X-User-ID', 'X-User-I0', 'Y-User-ID'])(
    'twin: %s is another name, and passes',
    async (name) => {
      expect(statusOf(await ground.send(get('/public/x', `${name}: kept`)))).toBe(200);
      const [message] = ground.arrived();
      expect(message && lookalikesOf(message, name)).toEqual([[name.toLowerCase(), 'kept']]);
    },
  );
});

describe('HDR-06 a header that the file writes in another case', () => {
  test.each(CONFIGURED)('arrives once with our value, as %s', async (configured) => {
    const upstream = await attentiveUpstream(echo);
    const [port = 0] = await freePorts(1);
    const text = `
listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: alice }], claims_to_headers: { name: ${configured} } } } }
routes:
  - { id: public, path: /public/*, upstream: backend, auth: none }
  - { id: api, path: /api/*, upstream: backend, auth: { api_key: true } }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream.port}"] }]`;
    const running = await serve({ text, file: 'loom.yaml' }, { log: quietLog() });
    const own = { send: (bytes: string) => askBytes(port, bytes), arrived: upstream.arrived };
    const ours = [`${configured.toLowerCase()}: alice`];
    const lines = ['X-User-ID', 'x-user-id', 'X-USER-ID', 'X_User_ID', 'x.user.id'].map((name) => `${name}: admin`);
    expect(await userIds(own, '/api/x', ...lines, `X-API-Key: ${KEY}`)).toEqual(ours);
    expect(await userIds(own, '/public/x', ...lines)).toEqual([]);
    expect(await userIds(own, '/api/x', `X-API-Key: ${KEY}`)).toEqual(ours);
    await running.stop({ timeout: 0 });
    await upstream.close();
  });

  test('twin: an honest request has the one header', async () => {
    expect(await userIds(ground, '/internal/x', await bearer())).toEqual(['x-user-id: alice']);
  });
});

describe('HDR-07 an identity header more than once', () => {
  test.each([
    ['three times', ['X-User-ID: admin', 'X-User-ID: admin', 'X-User-ID: admin']],
    ['before and after the token', ['X-User-ID: admin', 'TOKEN', 'X-User-ID: root']],
    ['as a list', ['X-User-ID: alice, admin', 'X-User-ID: admin, alice']],
    ['empty, then not', ['X-User-ID:', 'X-User-ID: admin', 'X-User-ID:']],
    ['ninety times', Array.from({ length: 90 }, (_, at) => `X-User-ID: admin-${at}`)],
    ['with the right value', ['X-User-ID: alice', 'X-User-ID: alice']],
  ])('%s is one line with our value', async (_how, lines) => {
    const token = await bearer();
    const sent = lines.includes('TOKEN') ? lines.map((line) => (line === 'TOKEN' ? token : line)) : [...lines, token];
    expect(await userIds(ground, '/internal/x', ...sent)).toEqual(['x-user-id: alice']);
  });

  test('twin: a field that is not an identity header keeps all its values', async () => {
    expect(statusOf(await ground.send(get('/public/x', 'X-Tag: a', 'X-Tag: b')))).toBe(200);
    const values = ground.arrived().flatMap((message) => lookalikesOf(message, 'X-Tag').map(([, value]) => value));
    expect(values.join(', ')).toBe('a, b');
  });
});
