import fc from 'fast-check';
import { addressMatcher, parseBlock } from '../../src/lib/address-block.js';
import { canonicalAddress, canonicalAltName } from '../../src/certificates/alt-name.js';
import { cases } from '../support/fast-check-runs.js';

describe('a block', () => {
  it.each([
    ['10.0.0.0/8', { address: '10.0.0.0', prefix: 8, family: 'ipv4' }],
    ['10.0.0.1', { address: '10.0.0.1', prefix: 32, family: 'ipv4' }],
    ['0.0.0.0/0', { address: '0.0.0.0', prefix: 0, family: 'ipv4' }],
    ['2001:db8::/32', { address: '2001:db8::', prefix: 32, family: 'ipv6' }],
    ['::1', { address: '::1', prefix: 128, family: 'ipv6' }],
  ])('%s is read', (text, block) => {
    expect(parseBlock(text)).toEqual(block);
  });

  it.each([
    ...[
      '',
      'localhost',
      '10.0.0',
      '010.0.0.1',
      '10.0.0.0/',
      '10.0.0.0/33',
      '10.0.0.0/08',
      '10.0.0.0/-1',
      '10.0.0.0/8/8',
    ],
    ...['10.0.0.0/1e1', '10.0.0.0 /8', '::/129', 'fe80::1%eth0', '[::1]', '10.0.0.1:80', '*'],
  ])('%j is none', (text) => {
    expect(parseBlock(text)).toBeUndefined();
    expect(() => addressMatcher(['10.0.0.0/8', text])).toThrow(TypeError);
  });
});

describe('an address', () => {
  const isIn = addressMatcher(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']);

  it.each(['10.1.2.3', '192.0.2.7', '::ffff:10.1.2.3', '::FFFF:192.0.2.7', '2001:db8::9', '2001:db8::9%eth0'])(
    '%s is in the blocks',
    (address) => {
      expect(isIn(address)).toBe(true);
    },
  );

  it.each(['11.0.0.1', '192.0.2.8', '2001:db9::1', '::ffff:11.0.0.1', '', 'localhost', '10.0.0.1:80', '10.0.0'])(
    '%j is in none',
    (address) => {
      expect(isIn(address)).toBe(false);
    },
  );

  it('is in no block where there is none, and in its own always', () => {
    expect(addressMatcher([])('127.0.0.1')).toBe(false);
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        fc.pre(!/^[:0f]*:\d+\.\d/i.test(address));
        expect(addressMatcher([address])(address)).toBe(true);
      }),
      cases(100, { cost: 5 }),
    );
  });
});

describe('an alternative name', () => {
  it.each([
    ['DNS:SVC-A.Example', 'DNS:svc-a.example'],
    ['IP:2001:db8:0:0::1', 'IP:2001:db8::1'],
    ['IP:10.0.0.7', 'IP:10.0.0.7'],
    ['URI:spiffe://Example/A', 'URI:spiffe://Example/A'],
    ['email:A@b.example', 'email:A@b.example'],
  ])('%s is %s', (text, canonical) => {
    expect(canonicalAltName(text)).toBe(canonical);
  });

  it.each(['svc-a', 'dns:a', 'DNS:', 'DNS:a b', 'IP:10.0.0', 'IP:fe80::1%eth0', 'URI:é', 'RID:1.2', 'DNS:a\n'])(
    '%j is none',
    (text) => {
      expect(canonicalAltName(text)).toBeUndefined();
    },
  );

  it('of an address is the same for every spelling of it', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const once = canonicalAddress(address);
        expect(canonicalAddress(once as string)).toBe(once);
        expect(canonicalAddress(address.toUpperCase())).toBe(once);
      }),
      cases(100, { cost: 5 }),
    );
  });
});
