/** Listeners that would listen elsewhere, or otherwise, than the file shows. */
import { expectLoads, expectRefused, whole } from './files.js';

const ADDRESS = '    address: "127.0.0.1:8080"\n';
const PROTOCOL = '    protocol: http\n';
const TLS = (more = ''): string => `    tls: {cert_file: a.pem, key_file: b.pem${more}}\n`;

describe('CFG-13 listeners', () => {
  test.each([
    ...[
      '8080',
      '"8080"',
      '":0"',
      '":99999"',
      '":-1"',
      '"::8080"',
      '":8080 "',
      '" :8080"',
      '"localhost"',
      '"[::1:8080"',
      '""',
      'null',
    ],
    ...[
      '[":8080"]',
      '"http://127.0.0.1:8080"',
      '"unix:x"',
      '"unix:"',
      '"a b:8080"',
      '":8080,:8081"',
      '":\\u0668\\u0660"',
      '":0x1F90"',
      '"u@h:80"',
    ],
    ...['":8080/x"', '":http"', '{port: 8080}', '"${PORT}"'],
  ])('address: %s is refused', (address) => {
    expectRefused(whole([ADDRESS, `    address: ${address}\n`]));
  });

  test.each(['":8080"', '"0.0.0.0:8080"', '"[::]:8080"', '":08080"', '"127.0.0.1:8080"'])(
    'a port twice, as %s: refused',
    (address) => {
      const again = whole(['middleware:\n', `  - {name: more, address: ${address}, protocol: http}\nmiddleware:\n`]);
      expectRefused(again, { code: 'duplicate', path: 'listeners[1].address' });
    },
  );

  test.each<readonly [string, string]>([
    ...[
      'HTTPS',
      'Http',
      'http2',
      'h2',
      'h2c',
      'http3',
      'grpc',
      'tcp',
      'htp',
      'ws',
      'tls',
      '""',
      'null',
      '" http"',
      '[http]',
      'true',
    ].map((protocol) => [PROTOCOL, `    protocol: ${protocol}\n${TLS()}`] as const),
    [PROTOCOL, PROTOCOL + TLS()],
    [PROTOCOL, PROTOCOL + TLS(', client_auth: require, ca_file: c.pem')],
    [PROTOCOL, '    protocol: https\n'],
    ...['null', '[]', '{}', 'true', '""', '{cert_file: a.pem}', '{key_file: b.pem}'].map(
      (tls) => [PROTOCOL, `    protocol: https\n    tls: ${tls}\n`] as const,
    ),
    ...[
      ...[
        'client_auth: required',
        'client_auth: Require, ca_file: c',
        'client_auth: true, ca_file: c',
        'client_auth: null, ca_file: c',
      ],
      ...[
        'client_auth: require',
        'client_auth: verify',
        'client_auth: request',
        'client_auth: require, ca_file: ""',
        'ca_file: c',
      ],
      ...[
        'client_ca_file: c',
        'crl_file: c',
        'client_cert_headers: {subject: X-S}',
        'client_auth: require, ca_file: c, client_ca_file: d',
      ],
      ...[
        'min_version: 1.2',
        'min_version: "1.1"',
        'min_version: TLSv1.2',
        'clientAuth: require',
        'client-auth: require, ca_file: c',
      ],
    ].map((more) => [PROTOCOL, `    protocol: https\n${TLS(`, ${more}`)}`] as const),
  ])('%j as %j is refused', (from, to) => {
    expectRefused(whole([from, to]));
  });

  test('twin: one port each, https with its files, and certificates with their authority load', () => {
    expectLoads(whole(['middleware:\n', '  - {name: more, address: "[::1]:8081"}\nmiddleware:\n']));
    expectLoads(whole([PROTOCOL, `    protocol: https\n${TLS()}`]));
    expectLoads(whole([PROTOCOL, TLS(', client_auth: verify, client_ca_file: c.pem, min_version: "1.3"')]));
  });
});
