import fc from 'fast-check';
import { addressMatcher, canonicalAddress, clientNetwork, parseBlock } from '../../src/lib/address.js';
import { cases } from '../support/fast-check-runs.js';

describe('an address block', () => {
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
  ])('%j is not one', (text) => {
    expect(parseBlock(text)).toBeUndefined();
    expect(() => addressMatcher(['10.0.0.0/8', text])).toThrow(TypeError);
  });
});

describe('a matcher of blocks', () => {
  const isIn = addressMatcher(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']);

  it.each(['10.1.2.3', '192.0.2.7', '::ffff:10.1.2.3', '::FFFF:192.0.2.7', '2001:db8::9', '2001:db8::9%eth0'])(
    'matches %s',
    (address) => {
      expect(isIn(address)).toBe(true);
    },
  );

  it.each(['11.0.0.1', '192.0.2.8', '2001:db9::1', '::ffff:11.0.0.1', '', 'localhost', '10.0.0.1:80', '10.0.0'])(
    'does not match %j',
    (address) => {
      expect(isIn(address)).toBe(false);
    },
  );

  it('matches nothing without blocks, and each address with a block of its own', () => {
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

describe('the client network', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:1:2::1', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['unknown', undefined],
  ])('of %s is %s', (address, expected) => {
    expect(clientNetwork(address)).toBe(expected);
  });

  it('is one for all of an IPv6 network and another for the next', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const network = clientNetwork(address);
        fc.pre(network?.endsWith('::/64') ?? false);
        expect(network).toMatch(/^(?:[0-9a-f]{1,4}:){3}[0-9a-f]{1,4}::\/64$/);
        expect(clientNetwork(address.toUpperCase())).toBe(network);
        expect(clientNetwork(`[${address}]`)).toBe(network);
        expect(clientNetwork(network?.replace('::/64', '::1') as string)).toBe(network);
      }),
      cases(100, { cost: 5 }),
    );
    expect(clientNetwork('2001:db8:1:2::')).not.toBe(clientNetwork('2001:db8:1:3::'));
    expect(clientNetwork('::ffff:1.2.3.4')).not.toBe(clientNetwork('::fffe:1.2.3.4'));
  });

  it.each(['', 'localhost', '1.2.3.4.5', '::1::', '1.2.3.4/8'])('is undefined for %j', (text) => {
    expect(clientNetwork(text)).toBeUndefined();
  });
});

describe('the canonical text', () => {
  it('is the same for every spelling of it', () => {
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
