/** `Connection` and hop-by-hop fields: none of the client's is forwarded, and none removes an identity header. */
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, request, type Ground } from '../../support/attack-ground.js';
import { lookalikesOf, valuesOf, type Message } from '../../support/messages.js';

let ground: Ground;
let token: string;
beforeAll(async () => {
  ground = await openGround();
  token = `Authorization: Bearer ${await ground.issuer.token({ sub: 'alice', email: 'alice@example.com' })}`;
});
afterAll(closeGrounds);

async function upstream(bytes: string): Promise<Message> {
  expect(statusOf(await ground.send(bytes))).toBe(200);
  const [message, ...more] = ground.arrived();
  if (!message) throw new Error('nothing arrived');
  expect(more).toEqual([]);
  return message;
}

describe('HDR-04 a Connection field that names an identity header', () => {
  const tokens = Array.from({ length: 500 }, (_, at) => `x-hop-${at}`);
  test.each([
    ['as configured', ['Connection: close, X-User-ID']],
    ['in lower case', ['Connection: x-user-id']],
    ['in upper case', ['Connection: X-USER-ID']],
    ['in mixed case', ['Connection: x-UsEr-iD, keep-alive']],
    ['in two lines', ['Connection: keep-alive, X-User-ID', 'Connection: X-User-Email']],
    ['in three, one of them empty', ['Connection:', 'Connection: , ,X-User-ID,,', 'Connection: close']],
    ['with underscores', ['Connection: X_User_ID, x_user_id']],
    ['with tabs and no spaces', ['Connection: close,\tX-User-ID\t,X-User-Email']],
    ['in quotes', ['Connection: "X-User-ID", X-User-ID;q=1']],
    ['after five hundred others', [`Connection: ${tokens.join(',')}, X-User-ID`]],
    ['in Proxy-Connection too', ['Connection: close', 'Proxy-Connection: X-User-ID', 'Keep-Alive: X-User-ID']],
  ])('%s removes no identity header', async (_how, lines) => {
    const message = await upstream(get('/internal/x', ...lines, token, 'X-User-ID: admin'));
    expect(lookalikesOf(message, 'X-User-ID')).toEqual([['x-user-id', 'alice']]);
    expect(lookalikesOf(message, 'X-User-Email')).toEqual([['x-user-email', 'alice@example.com']]);
    expect(valuesOf(message, 'connection')).toEqual(['keep-alive']);
    expect(valuesOf(message, 'proxy-connection')).toEqual([]);
  });

  test.each(['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Real-IP'])(
    'and %s removes no required header either',
    async (name) => {
      const message = await upstream(get('/internal/x', `Connection: ${name}`, `${name}: 6.6.6.6`, token));
      expect(lookalikesOf(message, name)).toHaveLength(1);
      expect(valuesOf(message, name)).not.toEqual(['6.6.6.6']);
    },
  );

  test.each(['Host', 'Content-Length', 'transfer-encoding', 'Authorization', 'cookie', 'X-API-Key', 'x_api_key'])(
    'and %s, without which the message has another meaning, is refused',
    async (name) => {
      expect(statusOf(await ground.send(get('/internal/x', `Connection: close, ${name}`, token)))).toBe(400);
      expect(ground.arrived()).toEqual([]);
    },
  );

  test('twin: the client’s own fields that it names are removed, and the rest is forwarded', async () => {
    const lines = ['Connection: X-Hop', 'X-Hop: gone', 'X-End: kept'];
    const message = await upstream(get('/internal/x', ...lines, token));
    expect(valuesOf(message, 'x-hop')).toEqual([]);
    expect(valuesOf(message, 'x-end')).toEqual(['kept']);
    expect(lookalikesOf(message, 'X-User-ID')).toEqual([['x-user-id', 'alice']]);
  });
});

describe('HDR-05 hop-by-hop fields', () => {
  const HOP = [
    'Keep-Alive: timeout=9',
    'Proxy-Connection: keep-alive',
    'Proxy-Authorization: Basic YWRtaW46YWRtaW4=',
    'Proxy-Authenticate: Basic',
    'TE: trailers',
    'Trailer: X-Sum',
    'HTTP2-Settings: AAMAAABkAAQAAP__',
    'Keep_Alive: timeout=9',
    'Proxy_Authorization: Basic YWRtaW46YWRtaW4=',
    'proxy.connection: close',
  ];

  test.each(HOP)('are removed: %s', async (line) => {
    const [name = ''] = line.split(':');
    for (const bytes of [
      get('/public/x', line),
      get('/internal/x', line, token),
      request('POST', '/public/x', [line, 'Content-Length: 2'], 'hi'),
    ]) {
      expect(lookalikesOf(await upstream(bytes), name)).toEqual([]);
    }
  });

  test('are removed: an Upgrade that Connection does not name', async () => {
    const message = await upstream(get('/public/x', 'Upgrade: h2c'));
    expect(lookalikesOf(message, 'Upgrade')).toEqual([]);
    expect(valuesOf(message, 'connection')).toEqual(['keep-alive']);
  });

  test('twin: end-to-end fields are forwarded', async () => {
    const lines = ['Accept: */*', 'Via: 1.1 front', 'Cache-Control: no-cache', 'X-Keep-Alive: kept'];
    const message = await upstream(get('/public/x', ...lines));
    for (const line of lines) {
      const [name = '', value] = line.split(': ');
      expect(valuesOf(message, name)).toEqual([value]);
    }
  });
});
