import { canonicalAltName } from '../../src/certificates/fields.js';

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
    '%j is not one',
    (text) => {
      expect(canonicalAltName(text)).toBeUndefined();
    },
  );
});
