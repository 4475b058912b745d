/** Field lines that parsers read differently, and values outside ASCII in the place of a credential. */
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, KEY, openGround, type Ground } from '../../support/attack-ground.js';
import { lookalikesOf, valuesOf } from '../../support/messages.js';

let ground: Ground;
let token: string;
beforeAll(async () => {
  ground = await openGround({
    routes: '  - { id: both, path: /both/*, upstream: backend, auth: { methods: [jwt, oauth, basic, api_key] } }',
  });
  token = `Authorization: Bearer ${await ground.issuer.token({ sub: 'alice' })}`;
});
afterAll(closeGrounds);

describe('HDR-16 white space and folds around a field name', () => {
  test.each([
    ['a space before the colon', 'X-User-ID : admin'],
    ['a tab before the colon', 'X-User-ID\t: admin'],
    ['a fold', 'X-Other: a\r\n X-User-ID: admin'],
    ['a fold with a tab', 'X-Other: a\r\n\tX-User-ID: admin'],
    ['an empty fold', 'X-Other:\r\n X-User-ID: admin'],
    ['a line that begins with a space', ' X-User-ID: admin'],
    ['a line that begins with a tab', '\tX-User-ID: admin'],
    ['a bare line feed', 'X-Other: a\nX-User-ID: admin'],
    ['a bare carriage return', 'X-Other: a\rX-User-ID: admin'],
    ['a carriage return before the end', 'X-User-ID: admin\r'],
    ['no colon', 'X-User-ID admin'],
    ['no name', ': admin'],
    ['a NUL in the name', 'X-User\0-ID: admin'],
    ['a vertical tab', 'X-User-ID\x0b: admin'],
    ['a form feed', 'X-User-ID\x0c: admin'],
    ['a delete', 'X-User-ID\x7f: admin'],
    ['a byte order mark', '\xef\xbb\xbfX-User-ID: admin'],
    ['brackets', '(X-User-ID): admin'],
    ['quotes', '"X-User-ID": admin'],
  ])('%s is refused, for any request', async (_what, line) => {
    // As the first line after the request line too: some parsers skip lines that begin with white space there.
    const first = get('/public/x').replace('Host: gw', `${line}\r\nHost: gw`);
    for (const bytes of [
      get('/public/x', line),
      get('/internal/x', line, token),
      get('/internal/x', token, line),
      first,
    ]) {
      expect(statusOf(await ground.send(bytes))).toBe(400);
    }
    expect(ground.arrived()).toEqual([]);
  });

  test.each(['X-Other:a', 'X-Other: \t a \t ', 'X-Other:    a', 'x-other: a'])('twin: %j is a field', async (line) => {
    expect(statusOf(await ground.send(get('/public/x', line)))).toBe(200);
    const [message] = ground.arrived();
    expect(message && valuesOf(message, 'x-other')).toEqual(['a']);
  });
});

const BYTES: [string, string][] = [
  ['\\xff\\xfe', '\xff\xfe'],
  ['a broken UTF-8 sequence', '\xc3'],
  ['a continuation byte', '\x80'],
  ['an overlong NUL', '\xc0\x80'],
  ['a UTF-8 surrogate', '\xed\xa0\x80'],
  ['a key with a trailing byte', `${KEY}\xff`],
  ['a key in full-width letters', [...KEY].map((each) => Buffer.from(each, 'utf8').toString('latin1')).join('\xa0')],
  ['a no-break space and a key', `\xa0${KEY}`],
];

describe('HDR-27 bytes outside ASCII in the place of a credential', () => {
  const places: [string, (value: string) => string][] = [
    ['X-API-Key', (value) => `X-API-Key: ${value}`],
    ['Bearer', (value) => `Authorization: Bearer ${value}`],
    ['Basic', (value) => `Authorization: Basic ${value}`],
    ['Basic, encoded', (value) => `Authorization: Basic ${Buffer.from(`admin:${value}`, 'latin1').toString('base64')}`],
    ['an unknown scheme', (value) => `Authorization: ${value} ${value}`],
  ];

  test.each(places)('are not a credential in %s', async (_where, line) => {
    for (const [, bytes] of BYTES) {
      for (const path of ['/internal/x', '/api/v1/x', '/ops/x', '/oauth/x', '/any/x', '/all/x', '/both/x']) {
        const answer = statusOf(await ground.send(get(path, line(bytes))));
        expect([path, bytes, answer]).toEqual([path, bytes, 401]);
      }
    }
    expect(ground.arrived()).toEqual([]);
  });

  test.each([
    ['X-API-Key', 'X-API-Key: a\0b'],
    ['Bearer', 'Authorization: Bearer a\0b'],
    ['Cookie', 'Cookie: \0'],
    ['anything', 'X-Other: a\0'],
    ['any value, as a control byte', 'X-Other: a\x01b'],
  ])('and a NUL in %s is refused', async (_where, line) => {
    for (const path of ['/public/x', '/api/v1/x', '/oauth/x']) {
      expect(statusOf(await ground.send(get(path, line)))).toBe(400);
    }
    expect(ground.arrived()).toEqual([]);
  });

  test('and the introspection endpoint never receives them', () => {
    const texts = ground.introspection.asked.map(({ url, body }) => url + body);
    for (const text of texts) expect(text).toMatch(/^[\x20-\x7e]*$/);
    expect(texts.join('')).not.toMatch(/%00|%FF|%EF%BF%BD|%C3%83/i);
  });

  test('twin: in a field that is not a credential they pass unchanged', async () => {
    const lines = ['Cookie: a=\x80\xff', 'X-Name: Zo\xc3\xab', 'X-Latin: Zo\xeb'];
    expect(statusOf(await ground.send(get('/api/v1/x', `X-API-Key: ${KEY}`, ...lines)))).toBe(200);
    const [message] = ground.arrived();
    expect(message && valuesOf(message, 'cookie')).toEqual(['a=\x80\xff']);
    expect(message && valuesOf(message, 'x-name')).toEqual(['Zo\xc3\xab']);
    expect(message && valuesOf(message, 'x-latin')).toEqual(['Zo\xeb']);
    expect(message && lookalikesOf(message, 'X-Key-Name')).toEqual([['x-key-name', 'alice']]);
  });
});
