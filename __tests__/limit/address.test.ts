import fc from 'fast-check';
import { canonicalAddress, clientAddress, parseCidrs } from '../../src/limit/address.js';
import { cases } from '../support/fast-check-runs.js';

const PROXIES = parseCidrs(['10.0.0.0/8', '2001:db8:ffff::/48', '192.0.2.7']);

describe('the client behind proxies', () => {
  it.each(['evil<script>', 'unknown', '[::1', '127.0.0.1:80', '', ' ', '1.2.3', '010.0.0.1', '"1.1.1.1"', '0x7f.1'])(
    'is never %j, nor anybody further away',
    (entry) => {
      expect(clientAddress('10.0.0.1', [`203.0.113.1, ${entry}`], PROXIES)).toBe('10.0.0.1');
      expect(clientAddress('10.0.0.1', [`${entry}, 203.0.113.1`], PROXIES)).toBe('203.0.113.1');
    },
  );

  it.each([
    ['2001:db8:ffff::1', ['2001:db8::5'], '2001:db8::5'],
    ['2001:db8:ffff::1', ['[2001:db8::5]'], '2001:db8::5'],
    ['10.0.0.1', ['::ffff:203.0.113.1'], '203.0.113.1'],
    ['10.0.0.1', ['::ffff:cb00:7101'], '203.0.113.1'],
    ['192.0.2.7', ['203.0.113.1'], '203.0.113.1'],
    ['192.0.2.8', ['203.0.113.1'], '192.0.2.8'],
    ['fe80::1%eth0', ['203.0.113.1'], 'fe80::1'],
    ['', ['203.0.113.1'], ''],
  ])('of the peer %s that says %j is %s', (peer, said, client) => {
    expect(clientAddress(peer, said, PROXIES)).toBe(client);
  });

  it('is the peer for whoever is no proxy, whatever is said', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())), (peer, said) => {
        fc.pre(!peer.startsWith('10.') && peer !== '192.0.2.7');
        expect(clientAddress(peer, said, PROXIES)).toBe(peer);
      }),
      cases(100, { cost: 5 }),
    );
  });

  it('trusts nobody where nobody is listed', () => {
    expect(clientAddress('127.0.0.1', ['203.0.113.1'], parseCidrs([]))).toBe('127.0.0.1');
  });
});

describe('the spelling of an address', () => {
  it('is one for all of an IPv6 network and another for the next', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const network = canonicalAddress(address);
        fc.pre(network?.endsWith('::/64') ?? false);
        expect(network).toMatch(/^(?:[0-9a-f]{1,4}:){3}[0-9a-f]{1,4}::\/64$/);
        expect(canonicalAddress(address.toUpperCase())).toBe(network);
        expect(canonicalAddress(`[${address}]`)).toBe(network);
        expect(canonicalAddress(network?.replace('::/64', '::1') as string)).toBe(network);
      }),
      cases(100, { cost: 5 }),
    );
    expect(canonicalAddress('2001:db8:1:2::')).not.toBe(canonicalAddress('2001:db8:1:3::'));
    expect(canonicalAddress('::ffff:1.2.3.4')).not.toBe(canonicalAddress('::fffe:1.2.3.4'));
  });

  it.each(['', 'localhost', '1.2.3.4.5', '::1::', '1.2.3.4/8'])('is none for %j', (text) => {
    expect(canonicalAddress(text)).toBeUndefined();
  });
});

it.each(['10.0.0.0/33', '10.0.0/8', 'all', '', '10.0.0.0/-1', '::/129', '10.0.0.0/08'])(
  'refuses the block %j',
  (block) => {
    expect(() => parseCidrs(['10.0.0.0/8', block])).toThrow(TypeError);
  },
);
