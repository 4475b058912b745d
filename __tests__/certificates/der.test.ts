import { DerError, members, readAll, readOid, readOne, TAG } from '../../src/certificates/der.js';
import { distinguishedName } from '../../src/certificates/distinguished-name.js';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

/** One value in the shortest form. */
function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  const size = body.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

describe('a value', () => {
  it.each([0, 1, 127, 128, 255, 256, 65_535])('of %d bytes is read whole', (size) => {
    const value = readOne(der(0x04, Buffer.alloc(size, 7)));
    expect([value.tag, value.contents.length]).toEqual([4, size]);
  });

  it.each([
    ['', 'truncated'],
    ['04', 'truncated'],
    ['0401', 'truncated'],
    ['0402ff', 'truncated'],
    ['1f8100', 'multi-byte tag'],
    ['0480', 'bad length'],
    ['0484000000ff', 'bad length'],
    ['0482ff', 'bad length'],
    ['048101ff', 'length not minimal'],
    ['04820001ff', 'length not minimal'],
    ['0401ff00', 'trailing bytes'],
  ])('in the bytes %j is refused: %s', (hex, why) => {
    expect(() => readOne(bytes(hex))).toThrow(new DerError(why));
  });

  it('stands among others in order, and has the tag that is asked for', () => {
    expect(readAll(bytes('020101 0500 0402aabb')).map(({ tag }) => tag)).toEqual([2, 5, 4]);
    expect(readAll(Buffer.alloc(0))).toEqual([]);
    expect(members(readOne(bytes('30050201010500')), TAG.sequence)).toHaveLength(2);
    expect(() => members(readOne(bytes('3100')), TAG.sequence)).toThrow(DerError);
    expect(() => members(undefined, TAG.sequence)).toThrow(DerError);
  });
});

describe('an object identifier', () => {
  it.each([
    ['0603550403', '2.5.4.3'],
    ['06092a864886f70d010101', '1.2.840.113549.1.1.1'],
    ['060127', '0.39'],
    ['060128', '1.0'],
    ['06028837', '2.999'],
    [`0613 83${'80'.repeat(17)}01`, `2.${(3n << 126n) + 1n - 80n}`],
  ])('%s is %s', (hex, oid) => {
    expect(readOid(readOne(bytes(hex)))).toBe(oid);
  });

  it.each(['0600', '060188', '06035504ff', '0401aa'])('%s is none', (hex) => {
    expect(() => readOid(readOne(bytes(hex)))).toThrow(DerError);
  });
});

describe('a name with a value of the string type', () => {
  const nameOf = (type: Buffer, value: Buffer) =>
    distinguishedName(readOne(der(0x30, der(0x31, der(0x30, type, value)))));
  const CN = bytes('0603550403');

  it.each([
    ['UTF8String', 0x0c, Buffer.from('é'), 'CN=\\C3\\A9'],
    ['NumericString', 0x12, Buffer.from('12'), 'CN=12'],
    ['PrintableString', 0x13, Buffer.from('ab'), 'CN=ab'],
    ['IA5String', 0x16, Buffer.from('a@b'), 'CN=a@b'],
    ['VisibleString', 0x1a, Buffer.from('a b'), 'CN=a b'],
    ['T61String', 0x14, bytes('e9'), 'CN=\\C3\\A9'],
    ['BMPString', 0x1e, bytes('006165e5'), 'CN=a\\E6\\97\\A5'],
    ['UniversalString', 0x1c, bytes('000000610001f600'), 'CN=a\\F0\\9F\\98\\80'],
  ])('%s is text', (_type, tag, contents, line) => {
    expect(nameOf(CN, der(tag, contents))).toBe(line);
  });

  it.each([
    ['UTF8String', 0x0c, 'c3'],
    ['PrintableString', 0x13, 'e9'],
    ['BMPString', 0x1e, '00'],
    ['BMPString', 0x1e, 'd800'],
    ['UniversalString', 0x1c, '000000'],
    ['UniversalString', 0x1c, '0000d800'],
    ['UniversalString', 0x1c, '00110000'],
    ['OCTET STRING', 0x04, '61'],
  ])('%s of bytes that it cannot hold is hex, like no text', (_type, tag, hex) => {
    const value = der(tag, bytes(hex));
    expect(nameOf(CN, value)).toBe(`CN=#${value.toString('hex').toUpperCase()}`);
  });

  it('has an attribute of one type and one value', () => {
    const name = (...parts: readonly Buffer[]) => readOne(der(0x30, der(0x31, der(0x30, ...parts))));
    expect(distinguishedName(name(CN, der(0x13, Buffer.from('a'))))).toBe('CN=a');
    expect(() => distinguishedName(name(CN))).toThrow(DerError);
    expect(() => distinguishedName(name(CN, der(0x13), der(0x13)))).toThrow(DerError);
  });
});
