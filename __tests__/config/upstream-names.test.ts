/** `dns` and `pool.max_lifetime`: where they count, what they mean, and what they refuse. */
import { compile, errorsOf, warningsOf } from './files.js';

const fileOf = (own: string, top = '', endpoint = 'api.internal:80'): string =>
  `${top}\nroutes: [{path: /a, auth: none, upstream: u}]\nupstreams: [{name: u, endpoints: ["${endpoint}"] ${own}}]`;
const upstreamOf = (...parts: Parameters<typeof fileOf>) => compile(fileOf(...parts)).plan.upstreams[0];
const dnsOf = (...parts: Parameters<typeof fileOf>) => upstreamOf(...parts)?.dns;

describe('dns', () => {
  test('without the block no name is resolved again', () => {
    expect([dnsOf(''), dnsOf('', 'dns: {enabled: false}')]).toEqual([undefined, undefined]);
  });

  test('the block of the upstream replaces the one at the top level', () => {
    expect(dnsOf('', 'dns: {}')).toEqual({ refreshMs: 30_000 });
    const servers = ['10.0.0.2', '10.0.0.2:5353', '2001:db8::2', '[2001:db8::2]:53'];
    expect(dnsOf('', `dns: {refresh: 1s, servers: ${JSON.stringify(servers)}}`)).toEqual({ refreshMs: 1_000, servers });
    expect(dnsOf(', dns: {refresh: 5s}', 'dns: {refresh: 9s, servers: ["10.0.0.2"]}')).toEqual({ refreshMs: 5_000 });
    expect(dnsOf(', dns: {enabled: false}', 'dns: {}')).toBeUndefined();
  });

  test.each([
    ['refresh: 999ms', 'dns.refresh'],
    ['refresh: 30', 'dns.refresh'],
    ['refresh: 0s', 'dns.refresh'],
    ['servers: []', 'dns.servers'],
    ['servers: [ns.internal]', 'dns.servers[0]'],
    ['servers: ["10.0.0.2:0"]', 'dns.servers[0]'],
    ['servers: ["10.0.0.2:65536"]', 'dns.servers[0]'],
    ['servers: ["10.0.0"]', 'dns.servers[0]'],
    ['servers: ["[10.0.0.2]:53"]', 'dns.servers[0]'],
    ['servers: ["udp://10.0.0.2"]', 'dns.servers[0]'],
    ['ttl: 30s', 'dns.ttl'],
  ])('%s is refused at the top level and in an upstream', (block, path) => {
    expect(errorsOf(fileOf('', `dns: {${block}}`))).toMatchObject([{ path }]);
    expect(errorsOf(fileOf(`, dns: {${block}}`))).toMatchObject([{ path: `upstreams[0].${path}` }]);
  });

  test.each(['10.0.0.1:80', 'unix:/run/app.sock', '[2001:db8::1]:80', 'https://10.0.0.1'])(
    '%s is no name, and a warning says so',
    (endpoint) => {
      expect(dnsOf('', 'dns: {}', endpoint)).toBeUndefined();
      expect(warningsOf(fileOf('', 'dns: {}', endpoint))).toMatchObject([{ code: 'no_effect', path: 'dns' }]);
      expect(warningsOf(fileOf(', dns: {}', '', endpoint))).toMatchObject([
        { code: 'no_effect', path: 'upstreams[0].dns' },
      ]);
    },
  );

  test('twin: one name among addresses is enough', () => {
    const text = fileOf('', 'dns: {}', '10.0.0.1:80", "api.internal:80');
    expect(warningsOf(text)).toEqual([]);
    expect(compile(text).plan.upstreams[0]?.dns).toEqual({ refreshMs: 30_000 });
  });
});

test('pool.max_lifetime has no default', () => {
  expect(upstreamOf('')).not.toHaveProperty('maxLifetimeMs');
  expect(upstreamOf(', pool: {max_lifetime: 10m}')?.maxLifetimeMs).toBe(600_000);
  expect(errorsOf(fileOf(', pool: {max_lifetime: 0s}'))).toMatchObject([{ path: 'upstreams[0].pool.max_lifetime' }]);
});
