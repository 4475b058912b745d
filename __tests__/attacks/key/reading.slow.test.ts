/** Keys as a client can send them: twice, joined, padded, elsewhere, or as the name of an inherited property. */
import { statusOf } from '../../support/ask.js';
import { ADMIN_BASIC, closeGrounds, get, KEY, openGround, type Ground } from '../../support/attack-ground.js';
import { valuesOf } from '../../support/messages.js';

let ground: Ground;
beforeAll(async () => (ground = await openGround()));
afterAll(closeGrounds);

const answerTo = (target: string, ...lines: string[]): Promise<string> => ground.send(get(target, ...lines));
const challenge = (answer: string): string | undefined => /^www-authenticate: *(.*)\r$/im.exec(answer)?.[1];
const code = (answer: string): string | undefined => /"code":"([a-z_]+)"/.exec(answer)?.[1];

async function refused(status: number, target: string, ...lines: string[]): Promise<string> {
  const answer = await answerTo(target, ...lines);
  expect([statusOf(answer), code(answer)]).toEqual([status, status === 400 ? 'invalid_request' : 'unauthorized']);
  expect(challenge(answer)).toBe('ApiKey realm="loom"');
  expect(ground.arrived()).toEqual([]);
  return answer;
}

/** The request arrives as alice's, without the key. */
async function passes(target: string, ...lines: string[]): Promise<void> {
  expect(statusOf(await answerTo(target, ...lines))).toBe(200);
  const [message, ...more] = ground.arrived();
  expect(more).toEqual([]);
  if (!message) throw new Error('nothing arrived');
  expect(valuesOf(message, 'X-Key-Name')).toEqual(['alice']);
  expect(message.raw).not.toContain(KEY);
}

const API = '/api/v1/x';

describe('KEY-01 an empty key is not a key', () => {
  test.each<[string, ...string[]]>([
    [API, 'X-API-Key:'],
    [API, 'X-API-Key: '],
    [API, 'X-API-Key: \t '],
    [`${API}?api_key=`],
    [`${API}?api_key`],
    [`${API}?api_key=&x=1`],
    [`${API}?api_key=%20`],
    [`${API}?api_key=+`],
    [API, 'X-API-Key: undefined'],
    [API, 'X-API-Key: null'],
    [API, 'X-API-Key: ${UNSET}'],
  ])('%s %s', async (target, ...lines) => {
    await refused(401, target, ...lines);
  });

  test('twin: the key itself passes', () => passes(API, `X-API-Key: ${KEY}`));
});

describe('KEY-03 one key, once', () => {
  const good = `X-API-Key: ${KEY}`;

  test.each<[string, ...string[]]>([
    ['a wrong one first', 'X-API-Key: bad', good],
    ['a wrong one last', good, 'X-API-Key: bad'],
    ['the same twice', good, good],
    ['an empty one first', 'X-API-Key:', good],
    ['in two cases', 'x-api-key: bad', `X-API-KEY: ${KEY}`],
    ['three', good, good, good],
  ])('in two lines, %s: 400', async (_what, ...lines) => {
    await refused(400, API, ...lines);
  });

  test.each([
    `${KEY}, bad`,
    `bad, ${KEY}`,
    `${KEY},`,
    `,${KEY}`,
    `${KEY} ${KEY}`,
    `${KEY};q=1`,
    `"${KEY}"`,
    `<${KEY}>`,
  ])('in one line, %s: 401', async (value) => {
    await refused(401, API, `X-API-Key: ${value}`);
  });

  test.each([
    `api_key=${KEY}&api_key=bad`,
    `api_key=bad&api_key=${KEY}`,
    `api_key=${KEY}&api%5Fkey=${KEY}`,
    `api_key&api_key=${KEY}`,
  ])('in the query, ?%s: 400', async (query) => {
    await refused(400, `${API}?${query}`);
  });

  test.each([`api_key[]=${KEY}`, `api_key[0]=${KEY}`, `API_KEY=${KEY}`, `api-key=${KEY}`, `x=1;api_key=${KEY}`])(
    'in the query, ?%s: 401',
    async (query) => {
      await refused(401, `${API}?${query}`);
    },
  );

  test('twin: the key beside other fields and parameters passes', async () => {
    await passes(API, good, 'X-API-Key-Id: 7', 'X-API: y');
    await passes(`${API}?a=1&api_key=${KEY}&b=2`);
    await passes(`${API}?a=1&api%5fkey=${KEY.replaceAll('_', '%5f')}`);
  });
});

describe('KEY-05 white space is not part of a key', () => {
  test.each<[space: string, status: number]>([
    ['\u00a0', 401],
    ['\u0085', 401],
    ['\u00ad', 401],
    ['\u00e2\u0080\u008b', 401],
    ['%20', 401],
    ['+', 401],
    ['\\n', 401],
    // These are refused before the key is checked.
    ['\u000b', 400],
    ['\u000c', 400],
    ['\u0000', 400],
  ])('%j after or before the key is not a key', async (space, status) => {
    for (const value of [`${KEY}${space}`, `${space}${KEY}`]) {
      expect(statusOf(await answerTo(API, `X-API-Key: ${value}`))).toBe(status);
      expect(ground.arrived()).toEqual([]);
    }
  });

  test.each(['%20', '%09', '+', '%0a', '%0d%0a', '%c2%a0', '%00', '%ef%bb%bf'])(
    '%s beside the key in a query is not a key',
    async (space) => {
      for (const value of [`${KEY}${space}`, `${space}${KEY}`]) {
        await refused(401, `${API}?api_key=${value}`);
      }
    },
  );

  test.each([`X-API-Key:${KEY}`, `X-API-Key:  ${KEY}  `, `X-API-Key: \t${KEY}\t `])(
    'twin: %j, trimmed by HTTP, passes',
    (line) => passes(API, line),
  );
});

const INHERITED = Object.getOwnPropertyNames(Object.prototype);

describe('KEY-07 inherited property names are not keys', () => {
  test.each([...INHERITED, 'prototype', 'length', 'size', 'get', 'keys', 'entries', 'name', 'alice', '0'])(
    '%s',
    async (name) => {
      await refused(401, API, `X-API-Key: ${name}`);
      await refused(401, `${API}?api_key=${name}`);
    },
  );

  test('twin: such names pass if the file lists them as keys', async () => {
    const other = await openGround({
      replaceAuth: true,
      auth: `
    api_key: { claims_to_headers: { name: X-Key-Name }, keys: [{ key: __proto__, name: constructor }, { key: toString, name: __proto__ }] }`,
      replaceRoutes: true,
      routes: `
  - { id: api, path: "/api/*", upstream: backend, auth: { api_key: true } }`,
    });
    for (const [key, name] of [
      ['__proto__', 'constructor'],
      ['toString', '__proto__'],
    ] as const) {
      expect(statusOf(await other.send(get('/api', `X-API-Key: ${key}`)))).toBe(200);
      expect(other.arrived().map((message) => valuesOf(message, 'X-Key-Name'))).toEqual([[name]]);
    }
    expect(statusOf(await other.send(get('/api', 'X-API-Key: constructor')))).toBe(401);
  });
});

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

describe('KEY-11 a key counts only in its own place', () => {
  test.each([
    `Authorization: Bearer ${KEY}`,
    `Authorization: ApiKey ${KEY}`,
    `Authorization: ${KEY}`,
    `Authorization: Token ${KEY}`,
    `Authorization: ${basic(`${KEY}:`)}`,
    `Authorization: ${basic(`:${KEY}`)}`,
    `Authorization: ${basic(`alice:${KEY}`)}`,
    `Proxy-Authorization: Bearer ${KEY}`,
    `Cookie: api_key=${KEY}; X-API-Key=${KEY}`,
    `Api-Key: ${KEY}`,
    `X_API_Key: ${KEY}`,
    `X-Api-Key-: ${KEY}`,
    `X.API.Key: ${KEY}`,
    `X-API-Key: Bearer ${KEY}`,
    `X-API-Key: ${basic(`${KEY}:`)}`,
    `X-API-Key: ApiKey ${KEY}`,
  ])('%s', async (line) => {
    await refused(401, API, line);
  });

  test('in a form body', async () => {
    const body = `api_key=${KEY}`;
    const lines = ['Content-Type: application/x-www-form-urlencoded', `Content-Length: ${body.length}`];
    const answer = await ground.send(['POST /api/v1/x HTTP/1.1', 'Host: gw', ...lines, '', body].join('\r\n'));
    expect(statusOf(answer)).toBe(401);
    expect(ground.arrived()).toEqual([]);
  });

  test('twin: the key passes in its place, beside the credentials of other methods', async () => {
    await passes(API, `X-API-Key: ${KEY}`, `Authorization: ${ADMIN_BASIC.Authorization}`);
    await passes(`${API}?api_key=${KEY}`, 'Cookie: api_key=other');
  });
});

describe('KEY-14 the header is always read, and a request has one key', () => {
  test.each([
    ['a wrong one in the query', KEY, 'bad'],
    ['a wrong one in the header', 'bad', KEY],
    ['a space in the query', KEY, '%20'],
  ])('in both places, %s: 400', async (_what, header, query) => {
    await refused(400, `${API}?api_key=${query}`, `X-API-Key: ${header}`);
  });

  test('twin: either place alone passes, also beside an empty place, and so does the same key in both', async () => {
    await passes(`${API}?api_key=`, `X-API-Key: ${KEY}`);
    await passes(`${API}?api_key=${KEY}`, 'X-API-Key:');
    await passes(`${API}?api_key=${KEY}`, `X-API-Key: ${KEY}`);
    await passes(API, `X-API-Key: ${KEY}`);
    await passes(`${API}?api_key=${KEY}`);
  });
});
