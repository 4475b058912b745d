/** Identity headers with another meaning: they would frame, route or authenticate the message. */
import { expectLoads, expectRefused, whole } from './files.js';

const PROTOCOL = '    protocol: http\n';
const TLS = (more = ''): string => `    tls: {cert_file: a.pem, key_file: b.pem${more}}\n`;
const MAP = '        sub: X-User-ID\n';
const FORBIDDEN = [
  ...[
    'Host',
    'Connection',
    'Content-Length',
    'Transfer-Encoding',
    'Cookie',
    'Authorization',
    'X-Forwarded-For',
    'Set-Cookie',
    'Te',
  ],
  ...[
    'X-Forwarded-Proto',
    'X-Forwarded-Client-Cert',
    'Forwarded',
    'X-Real-IP',
    'Upgrade',
    'Keep-Alive',
    'Proxy',
    'Proxy-Authorization',
  ],
  ...[
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-HTTP-Method-Override',
    'X-Original-Host',
    'Sec-WebSocket-Protocol',
    'Origin',
    'Expect',
  ],
  ...[
    'Content-Type',
    'Content-Encoding',
    'Via',
    'Trailer',
    'If-Match',
    'Range',
    'True-Client-IP',
    'X-Middleware-Subrequest',
  ],
  ...['Script-Name', 'SCRIPT_NAME', 'Path-Info', 'Request-Uri', 'X-Arr-ClientCert', 'Client-Cert', 'X-Replaced-Path'],
  ...['X-Override-URL', 'X-Proxy-URL', 'X-Waws-Unencoded-URL', 'Base-Url', 'Url', 'Uri', 'CF-Connecting-IP'],
  ...[
    'host',
    'HOST',
    'content_length',
    'Transfer_Encoding',
    'x.forwarded.for',
    'X_Real_IP',
    '__proto__',
    'constructor',
  ],
];

describe('CFG-14 identity headers with a meaning of their own', () => {
  test.each([
    ...FORBIDDEN,
    'X-API-Key',
    'x_api_key',
    '""',
    '"X Y"',
    '"X:Y"',
    '"x\\r\\ny"',
    '"X-\\u00dc"',
    '"X\\0"',
    'null',
    '[X-A]',
    'true',
    '" X-A"',
    '"X-A\\u00a0"',
  ])('sub: %s is refused', (header) => {
    expectRefused(whole([MAP, `        sub: ${header}\n`]), { path: 'middleware.auth.jwt.claims_to_headers.sub' });
  });

  test.each([
    ['api_key', '          name: alice\n', '          name: alice\n      claims_to_headers: {name: HEADER}\n'],
    ['basic', '    basic:\n', '    basic:\n      claims_to_headers: {username: HEADER}\n'],
    ['oauth', '    oauth:\n', '    oauth:\n      claims_to_headers: {username: HEADER}\n'],
    [
      'an issuer',
      '      issuer: https://id.example\n',
      '      issuers: [{issuer: "https://id.example", claims_to_headers: {sub: HEADER}}]\n',
    ],
    [
      'a certificate',
      PROTOCOL,
      `    protocol: https\n${TLS(', client_auth: request, ca_file: c, client_cert_headers: {subject: HEADER}')}`,
    ],
  ])('%s cannot set one either', (_who, from, to) => {
    for (const header of [...FORBIDDEN, 'X-API-Key'])
      expectRefused(whole([from, to.replace('HEADER', header)]), { code: 'forbidden_header' });
    expectLoads(whole([from, to.replace('HEADER', 'X-Somebody')]));
  });

  test.each(['X-User-ID', 'x-user-id', 'X_User_ID', 'X.User.ID', 'X-User_ID'])(
    'two claims in one header, as %s: refused',
    (header) => {
      expectRefused(whole([MAP, `${MAP}        email: ${header}\n`]), { code: 'duplicate_header' });
    },
  );

  test.each(['__proto__: X-A', '1: X-A', 'null: X-A', '[a]: X-A', '<<: {a: X-A}', '"": X-A'])(
    'the claim %s is refused',
    (entry) => {
      expectRefused(whole([MAP, `        ${entry}\n`]));
    },
  );

  test.each(['X-Forwarded-User', 'X-Auth-Request-Email', 'Remote-User', 'X-WEBAUTH-USER', 'Cf-Access-Anything'])(
    'twin: %s carries the user of another product, so a claim may use it',
    (header) => expectLoads(whole([MAP, `        sub: ${header}\n`])),
  );

  test('twin: other headers, dotted claims and one header for two methods load', () => {
    expectLoads(whole([MAP, '        sub: X-User-ID\n        realm.role: X-Role\n        constructor: X-Ctor\n']));
    expectLoads(whole(['    basic:\n', '    basic:\n      claims_to_headers: {username: X-User-ID}\n']));
  });
});
