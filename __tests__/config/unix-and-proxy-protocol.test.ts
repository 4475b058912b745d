/** Unix sockets and the PROXY protocol in the file: what loads, and what each mistake says. */
import { compileFile } from '../../src/config/index.js';
import { ConfigError } from '../../src/config/diagnostics.js';
import type { Plan } from '../../src/config/plan-types.js';

const text = ({ listener = 'address: ":8080"', endpoint = '127.0.0.1:9001', more = '', upstream = '' }): string => `
listeners: [{ ${listener} }]
middleware: { auth: { api_key: { keys: [{ key: key-of-the-first-client-0123, name: first }] } } }
routes: [{ path: /x, upstream: backend, auth: { api_key: true } }]
upstreams: [{ name: backend, endpoints: ["${endpoint}"]${upstream} }]
${more}`;
const planOf = (parts: Parameters<typeof text>[0]): Plan =>
  compileFile({ text: text(parts), file: 'loom.yaml' }, { mode: 'serve', env: {} }).plan;
const faultsOf = (parts: Parameters<typeof text>[0]): readonly string[] => {
  try {
    planOf(parts);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.diagnostics.map(({ path, message }) => `${path}: ${message}`);
  }
};
const LONGEST = process.platform === 'darwin' ? 103 : 107;

describe('an address with unix:', () => {
  test('is a listener with a path and permissions, and an endpoint', () => {
    const [listener] = planOf({ listener: 'address: "unix:/run/loom.sock"' }).listeners;
    expect(listener).toMatchObject({
      name: 'unix:/run/loom.sock',
      port: 0,
      unix: { path: '/run/loom.sock', mode: 0o600 },
    });
    for (const [mode, value] of [
      ['0660', 0o660],
      ['666', 0o666],
      ['0770', 0o770],
    ] as const)
      expect(planOf({ listener: `address: "unix:/run/a b.sock", mode: "${mode}"` }).listeners[0]?.unix?.mode).toBe(
        value,
      );
    expect(planOf({ endpoint: 'unix:/run/app.sock' }).upstreams[0]?.endpoints).toEqual([
      { url: 'unix:/run/app.sock', weight: 1 },
    ]);
  });

  test.each([
    'unix:',
    'unix:run/loom.sock',
    'unix:@loom',
    'unix:///run/loom.sock',
    'unix:/run//a',
    'unix:/run/../a',
    'unix:/run/',
    'unix:/',
  ])('%s is no path', (address) => {
    const message = 'must be an absolute path after unix:, such as "unix:/run/loom.sock"';
    expect(faultsOf({ listener: `address: "${address}"` })).toEqual([`listeners[0].address: ${message}`]);
    expect(faultsOf({ endpoint: address })).toEqual([`upstreams[0].endpoints[0]: ${message}`]);
  });

  test('may be as long as the system allows, and the error names the limit', () => {
    const path = `/${'a'.repeat(LONGEST - 1)}`;
    expect(faultsOf({ listener: `address: "unix:${path}"` })).toEqual([]);
    for (const longer of [`${path}a`, `/${'é'.repeat((LONGEST + 1) / 2)}`]) {
      const bytes = Buffer.byteLength(longer);
      const message = `has a path of ${bytes} bytes; the system allows at most ${LONGEST}`;
      expect(faultsOf({ listener: `address: "unix:${longer}"` })).toEqual([`listeners[0].address: ${message}`]);
      expect(faultsOf({ endpoint: `unix:${longer}` })).toEqual([`upstreams[0].endpoints[0]: ${message}`]);
    }
  });

  test.each(['"0600"', '"600"'])('mode %s is octal', (mode) => {
    expect(faultsOf({ listener: `address: "unix:/run/loom.sock", mode: ${mode}` })).toEqual([]);
  });

  test.each(['660', '0660', '"0o660"', '"u+rw"', '"0460"', '"1660"', '"66"', '"0680"'])(
    'mode %s is an error',
    (mode) => {
      const message = 'must be three octal digits in quotes that let the owner read and write, such as "0660"';
      expect(faultsOf({ listener: `address: "unix:/run/loom.sock", mode: ${mode}` })).toEqual([
        `listeners[0].mode: ${message}`,
      ]);
    },
  );

  test('has no mode on a port, no TLS to an endpoint, and no two listeners', () => {
    expect(faultsOf({ listener: 'address: ":8080", mode: "0660"' })).toEqual([
      'listeners[0].mode: is only for an address with unix:',
    ]);
    expect(faultsOf({ endpoint: 'unix:/run/app.sock', upstream: ', tls: { enabled: true }' })).toEqual([
      'upstreams[0].endpoints[0]: is a Unix socket beside tls.enabled: true: no network is between, so remove the tls block',
    ]);
    const twice = 'name: a, address: "unix:/run/a.sock" }, { name: b, address: "unix:/run/a.sock"';
    expect(faultsOf({ listener: twice })).toEqual(['listeners[1].address: a listens on this path already']);
    expect(faultsOf({ listener: twice.replace('/run/a', '/run/b') })).toEqual([]);
    expect(faultsOf({ more: 'admin: { address: "unix:/run/admin.sock" }' })).toHaveLength(1);
  });
});

describe('proxy_protocol', () => {
  const on = (from: string, address = ':8443'): Parameters<typeof text>[0] => ({
    listener: `address: "${address}", proxy_protocol: { from: ${from} }`,
  });

  test('names the balancers', () => {
    expect(planOf(on('[10.0.1.0/24, "2001:db8::1"]')).listeners[0]?.proxyProtocol).toEqual({
      from: ['10.0.1.0/24', '2001:db8::1'],
    });
    expect(planOf(on('[unix]', 'unix:/run/loom.sock')).listeners[0]?.proxyProtocol).toEqual({ from: ['unix'] });
  });

  test.each(['["0.0.0.0/0"]', '["::/0"]', '["::ffff:0:0/96"]', '[0.0.0.0/1, 128.0.0.0/1]'])(
    '%s is every address',
    (from) => {
      const faults = faultsOf(on(from));
      expect(faults.length).toBeGreaterThan(0);
      for (const fault of faults)
        expect(fault).toMatch(/^listeners\[0\]\.proxy_protocol\.from.*: must not trust every address$/);
    },
  );

  test.each(['true', 'v2', '{}', '{ from: [] }', '{ from: [balancer.internal] }', '{ from: [10.0.0.1], version: 2 }'])(
    '%s is an error',
    (value) => {
      expect(faultsOf({ listener: `address: ":8443", proxy_protocol: ${value}` })).toHaveLength(1);
    },
  );

  test('with a balancer that can never be the peer is an error', () => {
    expect(faultsOf(on('[10.0.0.1, unix]'))).toEqual([
      'listeners[0].proxy_protocol.from[1]: is only for a listener on a Unix socket: write the addresses of the balancers',
    ]);
    expect(faultsOf(on('[unix, 10.0.0.1]', 'unix:/run/loom.sock'))).toEqual([
      'listeners[0].proxy_protocol.from[1]: can never connect to a Unix socket, whose peers have no address: write unix',
    ]);
  });

  test('unix is valid in trusted_proxies, and in no list of client addresses', () => {
    expect(planOf({ more: 'trusted_proxies: [unix]' }).trustedProxies).toEqual(['unix']);
    const exempt = 'rate_limit: { enabled: true, rate: 1, exemptions: [{ type: ip, values: [unix] }] }';
    expect(faultsOf({ more: exempt })).toHaveLength(1);
    const allowed = text({}).replace('name: first', 'name: first, allowed_ips: [unix]');
    expect(() => compileFile({ text: allowed, file: 'loom.yaml' }, { mode: 'serve', env: {} })).toThrow(ConfigError);
  });
});
