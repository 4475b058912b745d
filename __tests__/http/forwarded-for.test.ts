import fc from 'fast-check';
import { isUnknownClient } from '../../src/http/client-address.js';
import { findClient } from '../../src/http/forwarded-for.js';
import { addressMatcher } from '../../src/lib/address.js';
import { cases } from '../support/fast-check-runs.js';

const PROXIES = addressMatcher(['10.0.0.0/8', '2001:db8:ffff::/48', '192.0.2.7']);

describe('the client behind proxies', () => {
  const unknown = { address: 'unknown via 10.0.0.1' };

  it.each([
    ...['evil<script>', 'unknown', '[::1', '1.2.3', '010.0.0.1', '"1.1.1.1"', '0x7f.1', '1.2.3.4 5.6.7.8', '1.2.3.4:'],
    ...[
      '1.2.3.4:65536',
      '1.2.3.4:123456',
      '1.2.3.4:80:80',
      '1.2.3.4:http',
      '[1.2.3.4]',
      '[1.2.3.4]:80',
      ':80',
      '[]:80',
    ],
    ...['[2001:db8::5]:', '[2001:db8::5]80', '[[2001:db8::5]]', '[2001:db8::5]:80]', 'for=1.2.3.4', '1.2.3.4;'],
  ])('is unknown where the entry is %j, whatever the entries before it are', (entry) => {
    const found = { ...unknown, unknown: 'no address' };
    expect(findClient('10.0.0.1', [entry], PROXIES)).toEqual(found);
    expect(findClient('10.0.0.1', [`203.0.113.1, ${entry}`], PROXIES)).toEqual(found);
    expect(findClient('10.0.0.1', [`203.0.113.1, ${entry}, 10.0.0.2`], PROXIES)).toEqual(found);
    expect(findClient('10.0.0.1', ['203.0.113.1', entry], PROXIES)).toEqual(found);
    // An entry further away than the client decides nothing.
    expect(findClient('10.0.0.1', [`${entry}, 203.0.113.1`], PROXIES)).toEqual({ address: '203.0.113.1' });
  });

  it.each([[''], [' \t'], ['203.0.113.1,'], ['203.0.113.1,,10.0.0.2'], ['203.0.113.1', '']])(
    'is unknown where an entry is empty: %j',
    (...lines) => {
      expect(findClient('10.0.0.1', lines, PROXIES)).toEqual({ ...unknown, unknown: 'empty' });
    },
  );

  it.each([
    '10.0.0.9',
    '10.0.0.9, 10.0.0.9',
    '10.0.0.9:80',
    '::ffff:10.0.0.9',
    '::ffff:a00:9',
    '[::ffff:10.0.0.9]:80',
    '192.0.2.7,10.0.0.2',
    '[2001:db8:ffff::1]:443',
    '2001:DB8:FFFF:0::1',
  ])('is unknown where the list has trusted addresses only: %s', (list) => {
    expect(findClient('10.0.0.1', [list], PROXIES)).toEqual({ ...unknown, unknown: 'all trusted' });
  });

  it('is the trusted peer itself where it sends no header', () => {
    expect(findClient('10.0.0.1', [], PROXIES)).toEqual({ address: '10.0.0.1' });
  });

  it('is never a trusted address, whatever the header says', () => {
    const proxy = fc.constantFrom('10.0.0.1', '10.255.0.1:80', '192.0.2.7', '::ffff:10.0.0.3', '[2001:db8:ffff::2]:1');
    const spelt = fc
      .oneof(fc.ipV4(), fc.ipV6(), proxy)
      .chain((address) =>
        fc.constantFrom(address, ` ${address}`, `${address}:80`, `[${address}]`, `[${address}]:80`, `"${address}"`),
      );
    const entry = fc.oneof({ weight: 4, arbitrary: spelt }, { weight: 1, arbitrary: fc.string() });
    const line = fc.array(entry, { maxLength: 6 }).map((entries) => entries.join(','));
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 3 }), (lines) => {
        const { address, unknown } = findClient('::ffff:10.0.0.1', lines, PROXIES);
        expect(PROXIES(address)).toBe(false);
        expect(isUnknownClient(address)).toBe(unknown !== undefined);
        expect(addressMatcher(['0.0.0.0/1', '128.0.0.0/1', '::/0'])(address)).toBe(unknown === undefined);
      }),
      cases(2_000),
    );
  });

  it.each([
    ['10.0.0.1', ['1.1.1.1, 203.0.113.1, 10.0.0.2'], '203.0.113.1'],
    ['2001:db8:ffff::1', ['2001:db8::5'], '2001:db8::5'],
    ['2001:db8:ffff::1', ['[2001:db8::5]'], '2001:db8::5'],
    ['10.0.0.1', ['::ffff:203.0.113.1'], '203.0.113.1'],
    ['10.0.0.1', ['::ffff:cb00:7101'], '203.0.113.1'],
    ['192.0.2.7', ['203.0.113.1'], '203.0.113.1'],
    ['10.0.0.1', ['198.51.100.8:4444'], '198.51.100.8'],
    ['10.0.0.1', [' 198.51.100.8:4444 , 10.0.0.2:80'], '198.51.100.8'],
    ['10.0.0.1', ['[2001:db8::5]:4444'], '2001:db8::5'],
    ['10.0.0.1', ['[::ffff:203.0.113.1]:1'], '203.0.113.1'],
    ['10.0.0.1', ['203.0.113.1', '198.51.100.8'], '198.51.100.8'],
    ['::ffff:10.0.0.1', ['203.0.113.1'], '203.0.113.1'],
    ['192.0.2.8', ['203.0.113.1'], '192.0.2.8'],
    ['fe80::1%eth0', ['203.0.113.1'], 'fe80::1'],
    ['', ['203.0.113.1'], 'unknown via no connection'],
  ])('of the peer %s with the header %j is %s', (peer, said, client) => {
    expect(findClient(peer, said, PROXIES).address).toBe(client);
  });

  it('is the peer where the peer is not a trusted proxy, whatever the header says', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())), (peer, said) => {
        fc.pre(!peer.startsWith('10.') && peer !== '192.0.2.7');
        expect(findClient(peer, said, PROXIES).address).toBe(peer);
      }),
      cases(100, { cost: 5 }),
    );
  });

  it('is the peer where no proxy is trusted', () => {
    expect(findClient('127.0.0.1', ['203.0.113.1'], addressMatcher([])).address).toBe('127.0.0.1');
  });
});
