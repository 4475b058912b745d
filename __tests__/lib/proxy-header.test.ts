/** The parser of the PROXY protocol: what the specification allows, what it forbids, and every split of the bytes. */
import fc from 'fast-check';
import { readProxyHeader, type ProxyHeader } from '../../src/lib/proxy-header.js';
import {
  BROKEN,
  checksummed,
  IPV4,
  IPV6,
  MAPPED,
  tlv,
  UNIX,
  V1,
  V1_IPV6,
  V1_UNKNOWN,
  v2,
} from '../support/proxy-headers.js';

const read = (text: string): ProxyHeader => readProxyHeader(Buffer.from(text, 'latin1'));
const OFFICE = { address: '198.51.100.8', port: 4711 };
const OFFICE_IPV6 = { address: '2001:db8:5::8', port: 4711 };

const VALID: readonly (readonly [which: string, header: string, source: object | undefined])[] = [
  ['TCP4', V1, OFFICE],
  ['TCP6', V1_IPV6, OFFICE_IPV6],
  ['TCP6 in another spelling', V1_IPV6.replace('2001:db8:5::8', '2001:0DB8:0005:0:0:0:0:8'), OFFICE_IPV6],
  ['TCP6 with a mapped address', 'PROXY TCP6 ::ffff:198.51.100.8 ::ffff:192.0.2.1 4711 443\r\n', OFFICE],
  ['the port 0', 'PROXY TCP4 198.51.100.8 192.0.2.1 0 65535\r\n', { ...OFFICE, port: 0 }],
  [
    'the longest addresses',
    `PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`,
    { address: `${'ffff:'.repeat(7)}ffff`, port: 65_535 },
  ],
  ['UNKNOWN', V1_UNKNOWN, undefined],
  [
    'UNKNOWN with addresses',
    `PROXY UNKNOWN ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`,
    undefined,
  ],
  ['IPv4', v2(), OFFICE],
  ['IPv6', v2({ family: 0x21, addresses: IPV6 }), OFFICE_IPV6],
  ['a mapped address', v2({ family: 0x21, addresses: MAPPED }), OFFICE],
  ['TLVs', v2({ tlvs: tlv(0x01, 'h2') + tlv(0x04, '') + tlv(0xee, '\x01\0\0\0\x01') }), OFFICE],
  ['the longest header', v2({ tlvs: tlv(0x04, '\0'.repeat(4_080 - 12 - 3)) }), OFFICE],
  ['a checksum', checksummed(), OFFICE],
  ['a checksum among TLVs', checksummed({ family: 0x21, addresses: IPV6, tlvs: tlv(0x05, 'id') }), OFFICE_IPV6],
  ['LOCAL', v2({ command: 0x20, family: 0, addresses: '' }), undefined],
  ['LOCAL with a family that does not exist', v2({ command: 0x20, family: 0xff, addresses: 'anything' }), undefined],
  ['LOCAL with addresses', v2({ command: 0x20 }), undefined],
  ['no family', v2({ family: 0, addresses: '' }), undefined],
  ['no family, with a block', v2({ family: 0, addresses: IPV4 }), undefined],
  ['UDP', v2({ family: 0x12 }), undefined],
  ['UDP over IPv6', v2({ family: 0x22, addresses: IPV6 }), undefined],
  ['a Unix socket', v2({ family: 0x31, addresses: UNIX, tlvs: tlv(0x30, 'blue') }), undefined],
  ['a Unix socket for datagrams', v2({ family: 0x32, addresses: UNIX }), undefined],
];

test.each(VALID)('%s is a header, and the bytes after it are not', (_which, header, source) => {
  for (const after of ['', 'GET / HTTP/1.1\r\n', '\r\n', header, '\x16\x03\x01'])
    expect(read(header + after)).toEqual({ kind: 'whole', length: header.length, source });
});

test.each(VALID)('%s: each shorter part is partial', (_which, header) => {
  for (let length = 0; length < header.length; length += header.length > 500 ? 97 : 1)
    expect([length, read(header.slice(0, length))]).toEqual([length, { kind: 'partial' }]);
});

test.each(BROKEN)('%s is refused', (_which, header) => {
  for (const after of ['', 'GET / HTTP/1.1\r\n']) expect(read(header + after).kind).toBe('invalid');
});

test.each([
  ['a request', 'GET / HTTP/1.1\r\n'],
  ['a request whose method begins alike', 'PROPFIND / HTTP/1.1\r\n'],
  ['empty lines before a request', '\r\n\r\nGET / HTTP/1.1\r\n'],
  ['a TLS handshake', '\x16\x03\x01\x02\0\x01'],
  ['a header in lower case', V1.toLowerCase()],
  ['a space before the header', ` ${V1}`],
  ['a line end before the header', `\r\n${V1}`],
  ['a signature with another byte', v2().replace('QUIT', 'QUIX')],
])('%s is no header, which its first different byte shows', (_which, bytes) => {
  expect(read(bytes)).toEqual({ kind: 'invalid', fault: 'missing' });
  const first = Array.from(bytes, (_, at) => read(bytes.slice(0, at + 1)).kind).indexOf('invalid');
  expect(first).toBeLessThan(12);
});

test('a header that is refused never becomes valid with more bytes, and no bytes make the parser throw', () => {
  const headers = [...BROKEN, ...VALID].map(([, header]) => header);
  const mutated = fc
    .tuple(fc.constantFrom(...headers), fc.nat(60), fc.integer({ min: 0, max: 255 }), fc.string({ unit: 'binary' }))
    .map(([header, at, byte, rest]) => header.slice(0, at) + String.fromCharCode(byte) + header.slice(at + 1) + rest);
  fc.assert(
    fc.property(mutated, fc.nat(4_200), (bytes, at) => {
      const early = read(bytes.slice(0, at));
      const whole = read(bytes);
      if (early.kind !== 'partial') expect(whole).toEqual(early);
      if (whole.kind === 'whole') expect(whole.length).toBeLessThanOrEqual(Math.min(bytes.length, 4_096));
    }),
  );
});
