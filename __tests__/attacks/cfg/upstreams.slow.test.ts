/** Invalid upstreams, and upstreams other than the file shows. */
import { expectLoads, expectRefused, whole } from './files.js';

describe('CFG-16 upstreams', () => {
  const ENDPOINT = '      - "127.0.0.1:9"\n';
  const GUARDED = '    path: /internal/*\n    upstream: backend\n';

  test.each([
    ['no name', '    path: /internal/*\n    upstream:\n', {}],
    ['an empty name', '    path: /internal/*\n    upstream: ""\n', {}],
    [
      'another name',
      '    path: /internal/*\n    upstream: backned\n',
      { code: 'unknown_upstream', message: /"backend"/ },
    ],
    ['another case', '    path: /internal/*\n    upstream: Backend\n', { code: 'unknown_upstream' }],
    ['a list', '    path: /internal/*\n    upstream: [backend]\n', {}],
    ['a URL', '    path: /internal/*\n    upstream: http://127.0.0.1:9\n', { code: 'unknown_upstream' }],
    ['a name of a prototype', '    path: /internal/*\n    upstream: constructor\n', { code: 'unknown_upstream' }],
  ] as const)('a route to %s: refused', (_what, to, expected) => {
    expectRefused(whole([GUARDED, to]), expected);
  });

  test('one name twice: refused', () => {
    expectRefused(whole([ENDPOINT, `${ENDPOINT}  - {name: backend, endpoints: ["127.0.0.1:10"]}\n`]), {
      code: 'duplicate',
    });
  });

  test.each([
    ...[
      '"u:p@h:80"',
      '"http://u:p@h:80"',
      '"http://u@h:80"',
      '"http://@h:80"',
      '"http://:@h:80"',
      '"unix:x"',
      '"unix:"',
      '"unix:///x"',
      '"h:0"',
      '"h"',
    ],
    ...[
      '"h:99999"',
      '"h:80/x"',
      '"http://h:80/x"',
      '"http://h:80?x"',
      '"http://h:80#x"',
      '"h:80 "',
      '" h:80"',
      '"h\\t:80"',
      '"h\\n:80"',
    ],
    ...[
      '"//h:80"',
      '"http:///h:80"',
      '"http:/h:80"',
      '"http:h:80"',
      '"http:\\\\\\\\h:80"',
      '"ftp://h:80"',
      '"file:///etc/passwd"',
      '"ws://h:80"',
    ],
    ...['""', 'null', '1', '80', '"h:80,i:80"', '"${HOST}:80"', '"h:80:80"', '":80"', '"[::1]"', '"[::1:80"'],
    ...[
      '{host: h}',
      '{host: h, port: "80"}',
      '{host: h, port: 0}',
      '{host: h, port: 80.5}',
      '{host: "", port: 80}',
      '{host: h, port: 80, prot: 1}',
    ],
    ...[
      '{host: "u@h", port: 80}',
      '{host: "h/x", port: 80}',
      '{host: "h?x", port: 80}',
      '{host: "http://h", port: 80}',
      '{host: "h:81", port: 80}',
    ],
  ])('%s is refused', (endpoint) => {
    expectRefused(whole([ENDPOINT, `      - ${endpoint}\n`]));
  });

  test.each([
    ...[
      '169.254.169.254',
      '2852039166',
      '0xA9FEA9FE',
      '0251.0376.0251.0376',
      '169.254.43518',
      '169.16689662',
      '169.254.169.254.',
      '169.254.0.1',
    ],
    ...[
      '\uff11\uff16\uff19.254.169.254',
      '169\u3002254.169.254',
      '[::ffff:169.254.169.254]',
      '[::ffff:a9fe:a9fe]',
      '[::a9fe:a9fe]',
      '[fe80::1]',
    ],
    ...[
      '[64:ff9b::a9fe:a9fe]',
      '[64:ff9b::169.254.169.254]',
      '[64:ff9b:1::a9fe:a9fe]',
      '[2002:a9fe:a9fe::]',
      '[::ffff:0:a9fe:a9fe]',
      '[fd00:ec2::254]',
    ],
    ...['0', '0.0.0.0', '[::]', '[::ffff:0.0.0.0]'],
  ])('%s, which would give this machine’s keys to any caller, is refused', (host) => {
    for (const endpoint of [`"${host}:80"`, `"http://${host}:80"`, `"http://${host}"`])
      expectRefused(whole([ENDPOINT, `      - ${endpoint}\n`]), { path: 'upstreams[0].endpoints[0]' });
    if (!host.startsWith('[')) expectRefused(whole([ENDPOINT, `      - {host: "${host}", port: 80}\n`]));
  });

  test('http beside TLS is refused, and so is half a client certificate', () => {
    expectRefused(whole([ENDPOINT, '      - "http://h:80"\n    tls: {enabled: true}\n']));
    expectRefused(whole([ENDPOINT, `${ENDPOINT}    tls: {cert_file: a.pem}\n`]));
    expectRefused(whole([ENDPOINT, `${ENDPOINT}    tls: {ca_file: /nowhere/ca.pem}\n`]));
  });

  test.each([
    '"h:80"',
    '"http://h"',
    '"https://h:8443"',
    '"https://h/"',
    '"[2001:db8::1]:80"',
    '{host: "2001:db8::1", port: 80}',
    '"h.:80"',
    '"10.169.254.1:80"',
    '"[2001:db8::a9fe:a9fe]:80"',
  ])('twin: %s loads', (endpoint) => {
    expectLoads(whole([ENDPOINT, `      - ${endpoint}\n`]));
  });
});
