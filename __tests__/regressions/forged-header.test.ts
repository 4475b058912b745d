/** A client's own X-User-ID once reached the upstream. Now no spelling of it does, on any route. */
import { BOTH, type Gateway } from '../support/both-hosts.js';
import { askBytes, statusOf } from '../support/ask.js';
import { recordingUpstream, type Recording } from '../support/recording-upstream.js';
import { secretToken } from '../support/token-issuer.js';

const SECRET = 'a secret of thirty-two bytes or so';
/** Part of every forged value, and of no other value. */
const FORGED = 'forged-root';

const file = (upstream: number): string => `
middleware:
  auth:
    jwt: { algorithm: HS256, secret: "${SECRET}", claims_to_headers: { sub: X-User-ID, email: X-User-Email } }
    api_key: { keys: [{ key: key-of-alice, name: alice }] }
routes:
  - { id: token, path: /token, upstream: backend, auth: { jwt: true } }
  - { id: key, path: /key, upstream: backend, auth: { api_key: true } }
  - { id: either, path: /either, upstream: backend, auth: { jwt: true, require: false } }
  - { id: open, path: /open, upstream: backend, auth: none }
upstreams:
  - { name: backend, endpoints: ["127.0.0.1:${upstream}"] }
`;

const forge = (...names: string[]): string[] => names.map((name) => `${name}: ${FORGED}`);

const SPELLINGS: readonly (readonly [string, readonly string[]])[] = [
  ['as the file spells it', forge('X-User-ID')],
  ['in lower case', forge('x-user-id')],
  ['in upper case', forge('X-USER-ID')],
  ['in mixed case', forge('x-UsEr-iD')],
  ['with underscores', forge('X_User_ID', 'x_user_id')],
  ['with an underscore and a hyphen', forge('X-User_ID', 'X_User-ID')],
  ['with dots', forge('X.User.ID', 'x.user-id')],
  ['with every other separator', [..."!#$%&'*+^`|~"].flatMap((mark) => forge(`X${mark}User${mark}ID`))],
  ['twice', forge('X-User-ID', 'X-User-ID')],
  ['often', forge(...Array<string>(40).fill('X-User-ID'))],
  ['in several spellings at once', forge('X-User-ID', 'x-user-id', 'X_USER_ID', 'X.User.Id')],
  ['empty, then set', ['X-User-ID:', ...forge('X-User-ID')]],
  ['with white space around its value', [`X-User-ID: \t ${FORGED} \t`]],
  ['after a Connection that names it', ['Connection: X-User-ID', ...forge('X-User-ID')]],
  ['before a Connection that names it', [...forge('x_user_id'), 'Connection: keep-alive, x_user_id, X-User-ID']],
  ['another header of the same kind', forge('X-User-Email', 'x_user_email')],
  ['as a list', [`X-User-ID: ada, ${FORGED}`]],
];

/** Spellings that no HTTP parser should accept as a field. */
const BROKEN: readonly (readonly [string, string])[] = [
  ['a space before the colon', `X-User-ID : ${FORGED}`],
  ['a folded line', `X-Other: a\r\n X-User-ID: ${FORGED}`],
  ['a bare CR', `X-Other: a\rX-User-ID: ${FORGED}`],
  ['a NUL', `X-Other: a\0\r\nX-User-ID: ${FORGED}`],
];

describe.each(BOTH)('$name', ({ start }) => {
  let upstream: Recording;
  let gateway: Gateway;
  let bearer: string;

  beforeEach(async () => {
    bearer = `Authorization: Bearer ${await secretToken(SECRET)}`;
    upstream = await recordingUpstream((received) => {
      const [head = '', body] = received.split('\r\n\r\n');
      if (body === undefined) return undefined;
      if (/^transfer-encoding: *chunked/im.test(head) && !/\r\n0\r\n(.*\r\n)?\r\n$/s.test(received)) return undefined;
      return /^upgrade:/im.test(head)
        ? 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
        : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';
    });
    gateway = await start(file(upstream.port));
  });
  afterEach(async () => {
    await gateway.close();
    await upstream.close();
  });

  const send = async (path: string, fields: readonly string[], line = `GET ${path} HTTP/1.1`): Promise<number> =>
    statusOf(await askBytes(gateway.port, [line, 'Host: gw', ...fields, '', ''].join('\r\n')));
  /** The identity fields of the last request that the upstream received. */
  const identity = (): string[] =>
    upstream.received
      .at(-1)
      ?.match(/^x[^a-z0-9\r\n]user[^\r\n]*/gim)
      ?.map((line) => line.toLowerCase()) ?? [];
  const unforged = (count: number): void => {
    expect(upstream.received).toHaveLength(count);
    expect(upstream.received.join('')).not.toContain(FORGED);
  };

  test.each(SPELLINGS)('%s', async (_how, fields) => {
    expect(await send('/token', [...fields, bearer])).toBe(200);
    expect(identity()).toEqual(['x-user-id: ada']);
    expect(await send('/key', [...fields, 'X-API-Key: key-of-alice'])).toBe(200);
    expect(identity()).toEqual([]);
    expect(await send('/either', fields)).toBe(200);
    expect(identity()).toEqual([]);
    expect(await send('/open', fields)).toBe(200);
    expect(identity()).toEqual([]);
    unforged(4);
    expect(upstream.received.join('')).not.toMatch(/^connection:.*user/im);
    expect(await send('/token', fields)).toBe(401);
    unforged(4);
  });

  test('fields with other names are forwarded', async () => {
    const others = ['X-User: a', 'X-User-IDs: b', 'XUserID: c', 'X-Userid: d', 'My-X-User-ID: e'];
    expect(await send('/token', [...others, bearer])).toBe(200);
    for (const other of others) expect(upstream.received[0]?.toLowerCase()).toContain(`\r\n${other.toLowerCase()}\r\n`);
    expect(upstream.received[0]).toMatch(/\r\nX-User-ID: ada\r\n/i);
  });

  test('a Connection field that names our header does not remove it', async () => {
    for (const named of ['X-User-ID', 'x-user-id', 'close, X-User-ID', 'X-User-ID, X-User-Email'])
      expect(await send('/token', [`Connection: ${named}`, bearer])).toBe(200);
    for (const received of upstream.received) expect(received).toMatch(/\r\nX-User-ID: ada\r\n/i);
    unforged(4);
  });

  test.each(BROKEN)('hidden by %s', async (_how, field) => {
    expect(await send('/open', [field])).toBe(400);
    unforged(0);
    expect(await send('/open', ['X-Other: a'])).toBe(200);
  });

  describe('in trailers', () => {
    const post = async (path: string, fields: readonly string[], trailers: readonly string[]): Promise<number> => {
      const head = [`POST ${path} HTTP/1.1`, 'Host: gw', 'Transfer-Encoding: chunked', ...fields, '', ''].join('\r\n');
      const body = `5\r\nhello\r\n0\r\n${[...trailers, '', ''].join('\r\n')}`;
      return statusOf(await askBytes(gateway.port, head + body));
    };

    test.each(['X-User-ID', 'x_user_id', 'X.User.ID', 'X-USER-EMAIL'])('as %s', async (name) => {
      const trailers = forge(name, name);
      for (const announced of [[], [`Trailer: ${name}`]]) {
        expect(await post('/token', [...announced, bearer], trailers)).toBe(200);
        expect(identity()).toEqual(['x-user-id: ada']);
        expect(await post('/open', announced, trailers)).toBe(200);
        expect(identity()).toEqual([]);
      }
      unforged(4);
      for (const received of upstream.received) expect(received).toContain('hello');
    });
  });

  describe('in a handshake', () => {
    const SOCKET = ['Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];

    test.each(SPELLINGS)('%s', async (_how, fields) => {
      const socket = [...SOCKET, 'Connection: Upgrade', ...fields];
      // The upstream here refuses every handshake. Only the received request matters.
      await send('/token', [...socket, bearer]);
      expect(identity()).toEqual(['x-user-id: ada']);
      await send('/open', socket);
      expect(identity()).toEqual([]);
      unforged(2);
      expect(await send('/token', socket)).toBe(401);
      unforged(2);
    });
  });

  test('a request inside a body remains a body', async () => {
    const hidden = `GET /open HTTP/1.1\r\nHost: gw\r\nX-User-ID: ${FORGED}\r\n\r\n`;
    const fields = [`Content-Length: ${hidden.length}`, 'Connection: Content-Length'];
    expect(await send('/open', [...fields, '', hidden], 'POST /open HTTP/1.1')).toBe(400);
    unforged(0);
    const request = ['POST /open HTTP/1.1', 'Host: gw', `Content-Length: ${hidden.length}`, '', hidden].join('\r\n');
    expect(statusOf(await askBytes(gateway.port, request))).toBe(200);
    expect(upstream.received).toHaveLength(1);
    expect(upstream.received[0]?.endsWith(`\r\n\r\n${hidden}`)).toBe(true);
  });
});
