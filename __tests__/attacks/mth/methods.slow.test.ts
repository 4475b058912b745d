/** Attacks on HTTP methods: preflights, overrides, case, rare methods, and lists of methods in the file. */
import { statusOf } from '../../support/ask.js';
import { closeGrounds, openGround, request, type Ground } from '../../support/attack-ground.js';
import { valuesOf } from '../../support/messages.js';
import { bearerLine } from '../../support/trying.js';
import { compile, errorsOf, JWT } from '../../config/files.js';

let ground: Ground;
beforeAll(async () => {
  const routes = `
  - { id: reading, path: /things/*, methods: [GET], upstream: backend, auth: none }
  - { id: writing, path: /things/*, methods: [POST, DELETE], upstream: backend, auth: { jwt: true } }
  - { id: listed, path: /listed/*, methods: [GET, PROPFIND], upstream: backend, auth: none }`;
  ground = await openGround({ routes });
});
afterAll(closeGrounds);

/** The status, then the methods that arrived. */
async function asked(
  method: string,
  target: string,
  lines: readonly string[] = [],
  body = '',
): Promise<(number | string)[]> {
  const status = statusOf(await ground.send(request(method, target, lines, body)));
  return [status, ...ground.arrived().map((message) => message.method)];
}

const PREFLIGHT = ['Origin: https://app.example', 'Access-Control-Request-Method: GET'];

describe('MTH-01 a preflight', () => {
  test.each([
    ['alone', [], ''],
    ['with an Origin', ['Origin: https://app.example'], ''],
    ['in full', PREFLIGHT, ''],
    ['in full, for a header', [...PREFLIGHT, 'Access-Control-Request-Headers: authorization'], ''],
    ['from nowhere', ['Origin: null', 'Access-Control-Request-Method: GET'], ''],
    ['for two methods', [...PREFLIGHT, 'Access-Control-Request-Method: DELETE'], ''],
    ['with a body', [...PREFLIGHT, 'Content-Length: 3'], 'abc'],
    ['with a chunked body', [...PREFLIGHT, 'Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n'],
    ['with an override', [...PREFLIGHT, 'X-HTTP-Method-Override: GET'], ''],
    ['of a private network', [...PREFLIGHT, 'Access-Control-Request-Private-Network: true'], ''],
  ])('%s does not pass', async (_what, lines, body) => {
    for (const path of ['/internal/secret', '/internal', '/api/v1/x', '/ops/x', '/all/x']) {
      expect([path, await asked('OPTIONS', path, lines, body)]).toEqual([path, [401]]);
    }
    expect(await asked('OPTIONS', '/things/x', lines, body)).toEqual([405]);
  });

  test('twin: with a token it passes, and so does one on an open route', async () => {
    expect(await asked('OPTIONS', '/internal/x', [...PREFLIGHT, await bearerLine(ground)])).toEqual([200, 'OPTIONS']);
    expect(await asked('OPTIONS', '/public/x', PREFLIGHT)).toEqual([200, 'OPTIONS']);
  });
});

describe('MTH-02 a method override', () => {
  const names = [
    'X-HTTP-Method-Override',
    'X-HTTP-Method',
    'X-Method-Override',
    'X_HTTP_Method_Override',
    'X-Original-Method',
  ];

  test.each(names)('%s changes no decision and does not arrive', async (name) => {
    expect(await asked('POST', '/things/x', [`${name}: GET`, 'Content-Length: 0'])).toEqual([401]);
    expect(await asked('PUT', '/things/x', [`${name}: GET`, 'Content-Length: 0'])).toEqual([405]);
    for (const [method, target] of [
      ['GET', '/things/x'],
      ['POST', '/public/x'],
    ] as const) {
      await ground.send(request(method, target, [`${name}: DELETE`, 'Content-Length: 0']));
      const [message] = ground.arrived();
      expect(message?.method).toBe(method);
      expect(message && names.flatMap((each) => valuesOf(message, each))).toEqual([]);
    }
  });

  test('in a query or a form it changes no decision either', async () => {
    expect(await asked('POST', '/things/x?_method=GET', ['Content-Length: 0'])).toEqual([401]);
    const form = ['Content-Type: application/x-www-form-urlencoded', 'Content-Length: 11'];
    expect(await asked('POST', '/things/x', form, '_method=GET')).toEqual([401]);
    expect(await asked('GET', '/things/x?_method=DELETE')).toEqual([200, 'GET']);
  });

  test('twin: the real method passes with its required credential', async () => {
    expect(await asked('GET', '/things/x')).toEqual([200, 'GET']);
    expect(await asked('HEAD', '/things/x')).toEqual([200, 'HEAD']);
    const lines = [await bearerLine(ground), 'Content-Length: 0'];
    expect(await asked('DELETE', '/things/x', lines)).toEqual([200, 'DELETE']);
  });
});

describe('MTH-03 a method in another case', () => {
  // HTTP/2 is not offered (PATH-24), so there is no `:method`.
  test.each(['get', 'GeT', 'Get', 'post', 'PoST', 'gET', 'delete', ' GET', 'GET\t', 'G\x00ET', 'GE T', 'G\u00c9T'])(
    '%j is not a method',
    async (method) => {
      for (const path of ['/things/x', '/internal/x', '/public/x']) {
        const [status, ...arrived] = await asked(method, path);
        expect([path, arrived]).toEqual([path, []]);
        expect([400, 405]).toContain(status);
      }
    },
  );

  test('twin: in upper case it is', async () => {
    expect(await asked('GET', '/things/x')).toEqual([200, 'GET']);
  });
});

describe('MTH-05 rare methods', () => {
  const known = [
    'PROPFIND',
    'PROPPATCH',
    'MKCOL',
    'COPY',
    'MOVE',
    'LOCK',
    'UNLOCK',
    'REPORT',
    'SEARCH',
    'PURGE',
    'LINK',
    'UNLINK',
  ];
  const more = ['QUERY', 'PATCH', 'M-SEARCH', 'REBIND', 'BIND', 'ACL', 'MKCALENDAR', 'NOTIFY', 'SUBSCRIBE', 'SOURCE'];

  test.each([...known, ...more])('%s needs a credential, and is not in a list that omits it', async (method) => {
    expect(await asked(method, '/internal/x', ['Content-Length: 0'])).toEqual([401]);
    expect(await asked(method, '/things/x', ['Content-Length: 0'])).toEqual([method === 'DELETE' ? 401 : 405]);
    expect(await asked(method, '/listed/x', ['Content-Length: 0'])).toEqual(
      method === 'PROPFIND' ? [200, method] : [405],
    );
  });

  test.each(['TRACE', 'TRACK', 'FOO', 'DEBUG', 'GETS', '-', 'CONNECT'])('%s is never served', async (method) => {
    for (const path of ['/public/x', '/internal/x', '/listed/x']) {
      const [status, ...arrived] = await asked(method, path, ['Content-Length: 0']);
      expect([path, arrived]).toEqual([path, []]);
      expect([0, 400, 405]).toContain(status);
    }
  });

  test.each([...known, ...more])('twin: %s passes on an open route, and with a token', async (method) => {
    expect(await asked(method, '/public/x', ['Content-Length: 0'])).toEqual([200, method]);
    expect(await asked(method, '/internal/x', [await bearerLine(ground), 'Content-Length: 0'])).toEqual([200, method]);
  });
});

describe('MTH-06 methods in the file', () => {
  const file = (methods: string): string =>
    `middleware: {auth: {jwt: ${JWT}}}\nroutes: [{path: /a, methods: ${methods}, auth: {jwt: true}}]\n`;

  test.each([
    '[]',
    '[get]',
    '[Get]',
    '"GET"',
    'GET',
    'null',
    '{}',
    '[GETT]',
    '["GET "]',
    '[""]',
    '["*"]',
    '[TRACE]',
    '[CONNECT]',
    '[1]',
  ])('%s is an error', (methods) => {
    const [error] = errorsOf(file(methods));
    expect(error?.path).toMatch(/^routes\[0\]\.methods/);
  });

  test('none is an error for a gateway, which would serve all of them', () => {
    expect(errorsOf(`${file('[GET]').replace('methods:', 'method:')}`)).toMatchObject([{ code: 'unknown_key' }]);
  });

  test.each(['[GET]', '[GET, POST]', '[QUERY, M-SEARCH]'])('twin: %s loads', (methods) => {
    expect(errorsOf(file(methods))).toEqual([]);
    expect(compile(file(methods)).plan.routes[0]?.methods).toEqual(methods.slice(1, -1).split(', '));
  });
});
