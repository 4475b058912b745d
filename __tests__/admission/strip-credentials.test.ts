import fc from 'fast-check';
import type { IncomingMessage } from 'node:http';
import { readOffer, type Place } from '../../src/auth/credentials.js';
import type { Kept } from '../../src/admission/strip-credentials.js';
import { emptyCredentials } from '../support/empty-credentials.js';
import { getWith, judging, type Judge } from '../support/judge.js';
import { cases } from '../support/fast-check-runs.js';

const BEARER: Place = { in: 'header', name: 'authorization', scheme: 'bearer' };
const BASIC: Place = { in: 'header', name: 'authorization', scheme: 'basic' };
const KEY: Place = { in: 'header', name: 'x-api-key' };
const QUERY: Place = { in: 'query', name: 'api_key' };
const COOKIE: Place = { in: 'cookie', name: 'token' };
const SOCKET: Place = { in: 'subprotocol', name: 'bearer' };
const ALL = [BEARER, BASIC, KEY, QUERY, COOKIE, SOCKET];

let node: Judge;

beforeAll(async () => {
  node = await judging();
});

afterAll(() => node.close());

interface Sent {
  readonly url: string;
  readonly fields: readonly string[];
  readonly views: string;
}

function emptied(req: IncomingMessage, places: readonly Place[], kept: Kept, url = '/'): Sent {
  const left = emptyCredentials(req, places, { kept, url });
  const { rawHeaders, headers, headersDistinct } = req;
  const fields = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1] ?? ''}`] : []));
  return { url: left, fields: fields.slice(1), views: JSON.stringify([headers, headersDistinct, rawHeaders]) };
}

const send = (lines: readonly string[], places: readonly Place[], kept: Kept = new Set()) =>
  node.ask(getWith(...lines), (req) => emptied(req, places, kept));

const urlOf = (url: string, ...names: readonly string[]) =>
  node.ask(
    getWith(),
    (req) =>
      emptied(
        req,
        names.map((name): Place => ({ in: 'query', name })),
        new Set(),
        url,
      ).url,
  );

describe('credentials in header fields', () => {
  it.each([
    ['Authorization: Bearer SECRET'],
    ['authorization: bearer   SECRET'],
    ['AUTHORIZATION: BASIC SECRET'],
    ['Authorization: Bearer'],
    ['Authorization: Bearer,SECRET'],
    ['Authorization: Bearer\tSECRET'],
    ['Authorization: Bearer SECRET', 'Authorization: Basic SECRET'],
    ['X-API-Key: SECRET', 'x-api-key: SECRET2'],
    ['X_API_Key: SECRET', 'X-API_KEY: SECRET', 'x.api.key: SECRET'],
    ['X-API-Key:'],
  ])('go: %s', async (...lines) => {
    const { fields, views } = await send([...lines, 'X-Other: kept'], ALL);
    expect(fields).toEqual(['X-Other: kept']);
    expect(views).not.toContain('SECRET');
  });

  it.each([
    'Authorization: Digest x',
    'Authorization: Bearers x',
    'Authorization: Bearer-2 x',
    'Proxy-Authorization: Bearer x',
    'X-API-Key-2: x',
    'XAPIKey: x',
  ])('are not %s', async (line) => {
    expect((await send([line], ALL)).fields).toEqual([line]);
  });

  it('that may go along stay as they were, the others beside them go', async () => {
    const lines = ['Authorization: Bearer a', 'X-API-Key: b', 'X_API_Key: forged'];
    expect((await send(lines, ALL, new Set([BEARER]))).fields).toEqual(['Authorization: Bearer a']);
    expect((await send(lines, ALL, (place) => place === KEY)).fields).toEqual(['X-API-Key: b']);
    expect((await send(lines, ALL, new Set([BASIC]))).fields).toEqual([]);
  });

  it('without a scheme of their own are the whole field', async () => {
    const whole: Place = { in: 'header', name: 'authorization', scheme: '' };
    expect((await send(['Authorization: SECRET'], [whole])).fields).toEqual([]);
    expect((await send(['Authorization: Bearer a'], [whole, BEARER], new Set([BEARER]))).fields).toHaveLength(1);
  });
});

describe('credentials in cookies', () => {
  it.each([
    [['a=1; token=SECRET; b=2'], ['Cookie: a=1; b=2']],
    [['token=SECRET'], []],
    [['a=1;token=SECRET'], ['Cookie: a=1']],
    [
      ['token=SECRET;a=1', 'b=2', ' token =SECRET2'],
      ['Cookie: a=1', 'Cookie: b=2'],
    ],
    [['token'], []],
    [['a=token; tokens=1; Token=2; a.token=3'], ['Cookie: a=token; tokens=1; Token=2; a.token=3']],
    [['a="x;  y" ;b'], ['Cookie: a="x;  y" ;b']],
  ])('%j leave %j', async (values, left) => {
    const { fields, views } = await send(
      values.map((value) => `Cookie: ${value}`),
      ALL,
    );
    expect(fields).toEqual(left);
    expect(views).not.toContain('SECRET');
  });

  it('stay where they may go along, by whichever method', async () => {
    const same: Place = { in: 'cookie', name: 'token' };
    const { fields } = await send(['Cookie: token=a; b=2'], [COOKIE, same], new Set([same]));
    expect(fields).toEqual(['Cookie: token=a; b=2']);
  });
});

describe('credentials in the query', () => {
  it.each([
    ['/a?x=1&api_key=s&y=2', '/a?x=1&y=2'],
    ['/a?api_key=s', '/a'],
    ['/a?api_key', '/a'],
    ['/a?api%5fkey=s&x', '/a?x'],
    ['/a?api%5Fkey=s&%61pi_key=t&x=%20+%7e', '/a?x=%20+%7e'],
    ['/a?x=api_key&API_KEY=1&api_key2=3', '/a?x=api_key&API_KEY=1&api_key2=3'],
    ['/a?', '/a?'],
    ['/a?&&x', '/a?&&x'],
    ['/a?x=%zz&%zz=1', '/a?x=%zz&%zz=1'],
    ['/api_key=1', '/api_key=1'],
    ['/a?x=1?api_key=2', '/a?x=1?api_key=2'],
  ])('%s goes on as %s', async (url, left) => {
    expect(await urlOf(url, 'api_key')).toBe(left);
  });

  it('go by every name, a blank one included, and never stay', async () => {
    expect(await urlOf('/a?api+key=s&access_token=t&z', 'api key', 'access_token')).toBe('/a?z');
    const { url } = await node.ask(getWith(), (req) => emptied(req, [QUERY], () => true, '/a?api_key=s&z'));
    expect(url).toBe('/a?z');
  });
});

describe('credentials among WebSocket subprotocols', () => {
  it.each([
    [['chat, bearer, SECRET'], ['chat']],
    [['bearer, SECRET, chat, v2'], ['chat, v2']],
    [['bearer', 'SECRET', 'chat'], ['chat']],
    [['bearer,SECRET'], []],
    [['Bearer, SECRET, chat'], ['chat']],
    [['chat, bearer'], ['chat']],
    [['bearer, SECRET, bearer, SECRET2'], []],
    [['chat,v2'], ['chat,v2']],
  ])('%j leave %j', async (values, left) => {
    const { fields, views } = await send(
      values.map((value) => `Sec-WebSocket-Protocol: ${value}`),
      ALL,
    );
    expect(fields).toEqual(left.map((value) => `Sec-WebSocket-Protocol: ${value}`));
    expect(views).not.toContain('SECRET');
  });

  it('are none where no method reads them', async () => {
    const line = 'Sec-WebSocket-Protocol: bearer, token';
    expect((await send([line], [KEY])).fields).toEqual([line]);
  });
});

it('leaves nothing of any request that a method could read, and all the rest', async () => {
  const token = fc.string({ unit: fc.constantFrom(...'abc%20=,; '), maxLength: 8 });
  const line = fc.oneof(
    fc
      .tuple(fc.constantFrom('Bearer ', 'basic ', 'BEARER', 'Digest '), token)
      .map(([a, b]) => `Authorization: ${a}${b}`),
    token.map((text) => `X-API-Key: ${text}`),
    fc.tuple(fc.constantFrom('token=', 'a=1; token=', 'token', 'b='), token).map(([a, b]) => `Cookie: ${a}${b}`),
    fc
      .tuple(fc.constantFrom('bearer,', 'chat, bearer, ', 'chat,'), token)
      .map(([a, b]) => `Sec-WebSocket-Protocol: ${a}${b}`),
    fc.constant('X-Other: kept'),
  );
  const pair = fc.tuple(fc.constantFrom('api_key', 'api%5fkey', '%61pi_key', 'x', 'y'), token.map(encodeURIComponent));
  const query = fc.array(
    pair.map((each) => each.join('=')),
    { maxLength: 4 },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 6 }), query, async (lines, pairs) => {
      const { offers, kept } = await node.ask(getWith(...lines), (req) => {
        req.url = emptied(req, ALL, new Set(), `/?${pairs.join('&')}`).url;
        return { offers: ALL.map((place) => readOffer(req, [place]).kind), kept: req.rawHeaders };
      });
      // Two fields of foreign schemes are still two, and no credential of ours.
      const [bearer, basic, ...rest] = offers;
      expect(['none', 'many']).toContain(bearer);
      expect(basic).toBe(bearer);
      expect(rest).toEqual(['none', 'none', 'none', 'none']);
      expect(kept.join('\n')).not.toMatch(/^(?:bearer|basic)(?![\w%])/im);
      const others = lines.filter((each) => each === 'X-Other: kept');
      expect(kept.filter((each) => each === 'X-Other')).toHaveLength(others.length);
    }),
    cases(300, { cost: 100 }),
  );
});
