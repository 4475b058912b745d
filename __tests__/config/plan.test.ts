import { dirname, join } from 'node:path';
import { compile, errorsOf, JWT, warningsOf } from './files.js';
import { compileFile } from '../../src/config/index.js';
import { makeTlsFiles, type TlsFiles } from '../serve/tls-files.js';

describe('a route', () => {
  it('has defaults for all that the file leaves out', () => {
    const { plan } = compile('routes: [{path: "/a/:id/*", auth: none}]');
    expect(plan.routes).toEqual([
      {
        id: 'routes[0]',
        path: '/a/:id/*',
        pattern: { segments: [{ kind: 'literal', text: 'a' }, { kind: 'one' }], rest: true },
        headers: [],
        query: [],
        priority: 0,
        requirement: { kind: 'open' },
        declaredOpen: true,
        timeoutMs: 30_000,
        stripPrefix: false,
        allowEncodedSlash: false,
        allowedOrigins: [],
        preserveHost: true,
        maxSessionMs: 3_600_000,
      },
    ]);
  });

  it('carries all that the file says', () => {
    const { plan } = compile(`routes:
  - {id: r, path: /a, host: API.Example.com, methods: [GET, POST], priority: -3, auth: none, upstream: u, timeout: 250ms,
     headers: {X-A: "1", X-B: "*", X-C: "^v[12]$"}, query: {v: "2"}, strip_prefix: true, add_prefix: /p, rewrite: {path: /q},
     allow_encoded_slash: true, allowed_origins: ["https://a.test"], preserve_host: false, max_session: 5m, rate_limit: {rate: 2.5}}
upstreams: [{name: u, endpoints: ["h:1"]}]`);
    expect(plan.routes[0]).toMatchObject({
      id: 'r',
      host: 'api.example.com',
      methods: ['GET', 'POST'],
      priority: -3,
      upstream: 'u',
      timeoutMs: 250,
      headers: [
        { name: 'X-A', kind: 'exact', value: '1' },
        { name: 'X-B', kind: 'present', value: '*' },
        { name: 'X-C', kind: 'regex', value: '^v[12]$' },
      ],
      query: [{ name: 'v', kind: 'exact', value: '2' }],
      stripPrefix: true,
      addPrefix: '/p',
      rewritePath: '/q',
      allowEncodedSlash: true,
      allowedOrigins: ['https://a.test'],
      preserveHost: false,
      maxSessionMs: 300_000,
      rateLimit: { rate: 2.5, perMs: 1_000, burst: 3 },
    });
  });
});

describe('an upstream', () => {
  const upstreamOf = (block: string) =>
    compile(`routes: [{path: /a, auth: none, upstream: u}]\nupstreams: [{name: u, ${block}}]`).plan.upstreams[0];

  it('has defaults for all that the file leaves out', () => {
    expect(upstreamOf('endpoints: ["api.internal:8080"]')).toEqual({
      name: 'u',
      endpoints: [{ url: 'http://api.internal:8080', weight: 1 }],
      balancer: 'round_robin',
      connectTimeoutMs: 5_000,
      maxIdle: 100,
      maxOpen: 1_000,
      idleTimeoutMs: 90_000,
    });
  });

  it('takes endpoints in every spelling', () => {
    const endpoints =
      '["h:1", "http://h:2", "https://h", {host: h, port: 3, weight: 5}, {host: "::1", port: 4}, "[::1]:5"]';
    expect(upstreamOf(`endpoints: ${endpoints}`)?.endpoints).toEqual([
      { url: 'http://h:1', weight: 1 },
      { url: 'http://h:2', weight: 1 },
      { url: 'https://h:443', weight: 1 },
      { url: 'http://h:3', weight: 5 },
      { url: 'http://[::1]:4', weight: 1 },
      { url: 'http://[::1]:5', weight: 1 },
    ]);
  });

  it('takes weights beside its endpoints, one for each', () => {
    expect(upstreamOf('endpoints: ["a:1", "b:1"], weights: [3, 1]')?.endpoints.map(({ weight }) => weight)).toEqual([
      3, 1,
    ]);
    expect(() => upstreamOf('endpoints: ["a:1", "b:1"], weights: [3]')).toThrow(/one weight for each/);
  });

  it('uses TLS if it has a tls block, and warns if the certificate is not verified', () => {
    expect(upstreamOf('endpoints: ["h:1"], tls: {}')).toMatchObject({
      endpoints: [{ url: 'https://h:1' }],
      tls: { insecureSkipVerify: false },
    });
    expect(upstreamOf('endpoints: ["h:1"], tls: {enabled: false}')).not.toHaveProperty('tls');
    const file =
      'routes: [{path: /a, auth: none, upstream: u}]\nupstreams: [{name: u, endpoints: ["h:1"], tls: {insecure_skip_verify: true}}]';
    expect(warningsOf(file)).toMatchObject([{ code: 'insecure', path: 'upstreams[0].tls.insecure_skip_verify' }]);
  });

  it.each(['round_robin', 'weighted', 'least_conn', 'random', 'ip_hash'])('takes %s in both spellings', (balancer) => {
    expect(upstreamOf(`endpoints: ["h:1"], load_balancer: ${balancer}`)?.balancer).toBe(balancer);
    expect(upstreamOf(`endpoints: ["h:1"], load_balancing: {algorithm: ${balancer}}`)?.balancer).toBe(balancer);
  });

  it('has defaults for every block that is named and says no more', () => {
    expect(upstreamOf('endpoints: ["h:1"], health_check: {}, circuit_breaker: {}, retry: {}')).toMatchObject({
      healthCheck: {
        path: '/',
        intervalMs: 10_000,
        timeoutMs: 2_000,
        healthyThreshold: 2,
        unhealthyThreshold: 3,
        expectedStatus: [200],
      },
      circuitBreaker: { failureThreshold: 5, successThreshold: 3, timeoutMs: 30_000 },
      retry: { maxRetries: 3, backoffBaseMs: 100, backoffMaxMs: 10_000, codes: [502, 503, 504] },
    });
    const off = 'health_check: {enabled: false}, circuit_breaker: {enabled: false}, retry: {enabled: false}';
    for (const key of ['healthCheck', 'circuitBreaker']) {
      expect(upstreamOf(`endpoints: ["h:1"], ${off}`)).not.toHaveProperty(key);
    }
    // Without a block a closed kept connection allows a second send; with `enabled: false` nothing does.
    expect(upstreamOf('endpoints: ["h:1"]')).not.toHaveProperty('retry');
    expect(upstreamOf(`endpoints: ["h:1"], ${off}`)).toMatchObject({ retry: { maxRetries: 0 } });
  });

  it('takes all that it may say of health, circuits, retries and time', () => {
    const health = 'health_check: {path: /up?deep=1, interval: 1s, timeout: 1s, expected_status: [200, 204]}';
    const time = 'timeout: {connect: 1s, read: 2s, write: 3s, idle: 4s}, pool: {max_idle: 0, max_open: 7}';
    expect(upstreamOf(`endpoints: ["h:1"], ${health}, ${time}`)).toMatchObject({
      healthCheck: { path: '/up?deep=1', expectedStatus: [200, 204] },
      connectTimeoutMs: 1_000,
      readTimeoutMs: 2_000,
      writeTimeoutMs: 3_000,
      silenceTimeoutMs: 4_000,
      maxIdle: 0,
      maxOpen: 7,
    });
  });

  it.each([
    ['health_check: {path: healthz}', 'health_check.path'],
    ['health_check: {path: "/a b"}', 'health_check.path'],
    ['health_check: {path: "/a\\r\\nX: y"}', 'health_check.path'],
    ['health_check: {path: "/a#b"}', 'health_check.path'],
    ['health_check: {path: "http://h/up"}', 'health_check.path'],
    ['health_check: {success_threshold: 3}', 'health_check.success_threshold'],
    ['health_check: {expected_status: [200, 700]}', 'health_check.expected_status'],
    ['health_check: {unhealthy_threshold: 0}', 'health_check.unhealthy_threshold'],
    ['circuit_breaker: {failure_threshold: 0}', 'circuit_breaker.failure_threshold'],
    ['circuit_breaker: {timeout: 30}', 'circuit_breaker.timeout'],
    ['success_threshold: 3', 'success_threshold'],
    ['retry: {backoff_base: 20s}', 'retry.backoff_base'],
    ['retry: {retryable_codes: [200]}', 'retry.retryable_codes'],
    ['retry: {retryable_codes: []}', 'retry.retryable_codes'],
    ['retry: {retryable_codes: [503, 503]}', 'retry.retryable_codes'],
    ['retry: {max_retries: 101}', 'retry.max_retries'],
    ['load_balancer: fastest', 'load_balancer'],
    ['proxy: {engine: axios}', 'proxy.engine'],
    ['proxy: {allowH2: true}', 'proxy'],
    ['proxy: undici', 'proxy'],
    ['load_balancer: random, load_balancing: {algorithm: ip_hash}', 'load_balancing.algorithm'],
  ])('refuses %s, and says where', (block, at) => {
    expect(() => upstreamOf(`endpoints: ["h:1"], ${block}`)).toThrow(
      new RegExp(`loom.yaml:2:\\d+ upstreams\\[0\\]\\.${at.replaceAll('.', '\\.')}`),
    );
  });

  it('has the engine of the top level, unless it names its own', () => {
    const engineOf = (top: string, own: string) =>
      compile(
        `proxy: ${top}\nroutes: [{path: /a, auth: none, upstream: u}]\nupstreams: [{name: u, endpoints: ["h:1"], ${own}}]`,
      ).plan.upstreams[0]?.engine;
    expect(engineOf('{engine: undici}', '')).toBe('undici');
    expect(engineOf('{engine: undici}', 'proxy: {}')).toBe('undici');
    expect(engineOf('{}', 'proxy: {engine: undici}')).toBe('undici');
    // A file that names the default is the same as a file that leaves it out.
    expect(engineOf('{engine: undici}', 'proxy: {engine: http-proxy-middleware}')).toBeUndefined();
    expect(engineOf('{engine: http-proxy-middleware}', '')).toBeUndefined();
    expect(() => engineOf('{engine: axios}', '')).toThrow(
      /loom.yaml:1:\d+ proxy.engine: must be "http-proxy-middleware"/,
    );
    expect(() => engineOf('{engine: undici, pipelining: 2}', '')).toThrow(/loom.yaml:1:\d+ proxy/);
  });

  it('refuses an endpoint that stands twice, and a weight that is said twice', () => {
    expect(() => upstreamOf('endpoints: ["h:1", "http://h:1"]')).toThrow(/endpoints\[1\].*in the list already/);
    expect(() => upstreamOf('endpoints: [{host: h, port: 1, weight: 2}], weights: [3]')).toThrow(/beside weights/);
  });
});

describe('what a route takes from its upstream', () => {
  const routeOf = (route: string, upstream = '') =>
    compile(
      `routes: [{path: /a, auth: none, upstream: u, ${route}}]\nupstreams: [{name: u, endpoints: ["h:1"], ${upstream}}]`,
    ).plan.routes[0];

  it('is the time to read where it gives none of its own', () => {
    expect(routeOf('')?.timeoutMs).toBe(30_000);
    expect(routeOf('', 'timeout: {read: 2m}')?.timeoutMs).toBe(120_000);
    expect(routeOf('timeout: 5s', 'timeout: {read: 2m}')?.timeoutMs).toBe(5_000);
  });

  it('are its retries, each of whose words it may replace', () => {
    expect(routeOf('', 'retry: {}')).not.toHaveProperty('retry');
    expect(routeOf('retries: 0', 'retry: {}')?.retry).toMatchObject({ maxRetries: 0 });
    const upstream = 'retry: {max_retries: 5, backoff_base: 1s}';
    expect(routeOf('retry_codes: [429]', upstream)?.retry).toEqual({
      maxRetries: 5,
      backoffBaseMs: 1_000,
      backoffMaxMs: 10_000,
      codes: [429],
    });
    expect(routeOf('retries: 2')?.retry).toEqual({
      maxRetries: 2,
      backoffBaseMs: 100,
      backoffMaxMs: 10_000,
      codes: [502, 503, 504],
    });
  });

  it.each([
    ['retry_codes: [503]', 'retry_codes', /neither the route nor its upstream/, ''],
    ['retry_codes: [503]', 'retry_codes', /neither the route nor its upstream/, ', retry: {enabled: false}'],
    ['methods: [POST, PATCH], retries: 2', 'retries', /only GET, HEAD/, ''],
  ])('warns of %s, which never does anything', (route, key, message, retry) => {
    const upstream = `{name: u, endpoints: ["h:1"]${retry}}`;
    const file = `routes: [{path: /a, auth: none, upstream: u, ${route}}]\nupstreams: [${upstream}]`;
    const [warning, ...more] = warningsOf(file);
    expect(warning).toMatchObject({ code: 'no_effect', path: `routes[0].${key}` });
    expect(warning?.message).toMatch(message);
    expect(more).toEqual([]);
  });
});

describe('a listener', () => {
  let files: TlsFiles;
  beforeAll(() => {
    files = makeTlsFiles();
  });
  afterAll(() => files.remove());

  const load = (tls: string, mode: 'serve' | 'middleware' = 'serve') =>
    compileFile(
      {
        text: `listeners: [{address: "127.0.0.1:8443", tls: {${tls}}}]\nroutes: [{path: /a, auth: none, upstream: u}]\nupstreams: [{name: u, endpoints: ["h:1"]}]`,
        file: files.path('loom.yaml'),
      },
      { mode },
    );
  const PAIR = 'cert_file: server.crt, key_file: server.key';

  it('has defaults, and files relative to the file', () => {
    expect(load(PAIR).plan.listeners).toEqual([
      {
        name: '127.0.0.1:8443',
        host: '127.0.0.1',
        port: 8443,
        protocol: 'https',
        tls: {
          certFile: join(dirname(files.path('x')), 'server.crt'),
          keyFile: files.path('server.key'),
          minVersion: 'TLSv1.2',
          clientAuth: 'none',
          clientCertHeaders: [],
        },
        readTimeoutMs: 30_000,
        writeTimeoutMs: 30_000,
        idleTimeoutMs: 60_000,
        maxHeaderBytes: 16_384,
      },
    ]);
  });

  it('asks for certificates of one authority, by either spelling', () => {
    for (const key of ['ca_file', 'client_ca_file']) {
      const { plan } = load(
        `${PAIR}, client_auth: verify, ${key}: ca.crt, crl_file: crl.pem, client_cert_headers: {subject: X-S}`,
      );
      expect(plan.listeners[0]?.tls).toMatchObject({
        clientAuth: 'verify',
        caFile: files.path('ca.crt'),
        crlFile: files.path('crl.pem'),
        clientCertHeaders: [{ claim: 'subject', header: 'X-S' }],
      });
      expect(plan.identityHeaders).toEqual(['X-S']);
      expect(plan.methods).toMatchObject([{ name: 'mtls', headers: [{ claim: 'subject', header: 'X-S' }] }]);
    }
  });

  it('wants client_auth beside an authority: an error where it is forgotten, a warning where it is none', () => {
    expect(() => load(`${PAIR}, ca_file: ca.crt`)).toThrow(/means nothing without client_auth/);
    expect(load(`${PAIR}, ca_file: ca.crt, client_auth: none`).warnings).toMatchObject([{ code: 'not_asked_for' }]);
  });

  it('names its files without reading them: the machine that checks need not be the one that serves', () => {
    expect(() => load('cert_file: none.crt, key_file: none.key')).not.toThrow();
    expect(() => load(`${PAIR}, client_auth: require`)).toThrow(/needs ca_file/);
    expect(() => load(`${PAIR}, client_auth: require, ca_file: ca.crt, client_ca_file: other.crt`)).toThrow(
      /another file/,
    );
  });
});

describe('the rate limit', () => {
  it('counts identities by default, with a burst of one second', () => {
    expect(compile('routes: [{path: /a, auth: none}]\nrate_limit: {rate: 100}').plan.rateLimit).toMatchObject({
      rate: { rate: 100, perMs: 1_000, burst: 100 },
      key: [{ kind: 'identity' }],
    });
  });

  it('takes several keys at once', () => {
    const { plan } = compile(
      'routes: [{path: /a, auth: none}]\nrate_limit: {rate: 1, burst: 9, key: "ip, header:X-A, jwt:realm.id, path"}',
    );
    expect(plan.rateLimit).toMatchObject({
      rate: { burst: 9 },
      key: [{ kind: 'ip' }, { kind: 'header', name: 'X-A' }, { kind: 'claim', path: 'realm.id' }, { kind: 'path' }],
    });
  });

  it('is none when it is disabled', () => {
    expect(
      compile(
        'routes: [{path: /a, auth: none}]\nrate_limit: {enabled: false, tiers: [{name: a, match: {header: x, value: y}, rate: 1}]}',
      ).plan,
    ).not.toHaveProperty('rateLimit');
    expect(errorsOf('routes: [{path: /a, auth: none}]\nrate_limit: {burst: 3}')[0]).toMatchObject({
      path: 'rate_limit.rate',
    });
  });
});

it('names every identity header once', () => {
  const { plan } = compile(`middleware:
  auth:
    jwt: {issuers: [{issuer: "https://a.example", claims_to_headers: {sub: X-User}}, {issuer: "https://b.example", claims_to_headers: {sub: x-user, iss: X-Issuer}}]}
    basic: {users: [{username: a, password_hash: "$2y$10$abcdefghijklmnopqrstuuJ7i1w1y0Zc1c9wXv8u7t6s5r4q3p2o1"}], claims_to_headers: {username: X-USER}}
routes: [{path: /a, auth: {methods: [jwt, basic]}}]`);
  expect(plan.identityHeaders).toEqual(['X-User', 'X-Issuer']);
});

it('keeps the headers of a method that is switched off: no client may set them either', () => {
  const { plan } = compile(`middleware:
  auth:
    jwt: {enabled: false, issuer: "https://a.example", claims_to_headers: {sub: X-User}}
    api_key: {keys: [{key: k-1234567890abcdef, name: alice}]}
routes: [{path: /a, auth: {api_key: true}}]`);
  expect(plan.methods.map(({ name }) => name)).toEqual(['api_key']);
  expect(plan.identityHeaders).toEqual(['X-User']);
});

describe('mtls as middleware', () => {
  const listener = (ca: string): string =>
    `listeners: [{address: ":8443", tls: {cert_file: a, key_file: b, client_auth: require, ca_file: ${ca}}}]\n`;

  it('trusts the authorities of the listeners, because those of the host are unknown', () => {
    const files = makeTlsFiles();
    try {
      const { plan } = compileFile({ text: listener('ca.crt'), file: files.path('loom.yaml') }, { mode: 'middleware' });
      expect(plan.methods[0]?.options).toMatchObject({ ca: files.read('ca.crt') });
      const broken = { text: listener('server.key'), file: files.path('loom.yaml') };
      expect(() => compileFile(broken, { mode: 'middleware' })).toThrow(/ca_file holds no PEM certificate/);
    } finally {
      files.remove();
    }
  });

  it('says that revoked certificates are for the host to refuse', () => {
    const revoking = listener('/nowhere/ca.pem').replace('client_auth', 'crl_file: crl.pem, client_auth');
    expect(compile(revoking).warnings.map(({ code }) => code)).toContain('crl_of_host');
    expect(compile(listener('/nowhere/ca.pem')).warnings.map(({ code }) => code)).not.toContain('crl_of_host');
  });

  it('trusts no authority if that file cannot be read, and warns', () => {
    const { plan, warnings } = compile(listener('/nowhere/ca.pem'));
    expect(plan.methods[0]?.options).toMatchObject({ ca_file: '/nowhere/ca.pem' });
    expect(warnings.map(({ code }) => code)).toContain('unreadable_file');
  });
});

it('reads the files that methods name, relative to the file', () => {
  const files = makeTlsFiles();
  try {
    const text = 'middleware: {auth: {mtls: {ca_file: ca.crt}}}';
    const { plan } = compileFile({ text, file: files.path('loom.yaml') }, { mode: 'middleware' });
    expect(plan.methods[0]?.options).toMatchObject({ ca: files.read('ca.crt') });
    const both = 'middleware: {auth: {mtls: {ca_file: ca.crt, ca: x}}}';
    expect(() => compileFile({ text: both, file: files.path('loom.yaml') }, { mode: 'middleware' })).toThrow(
      /beside ca/,
    );
  } finally {
    files.remove();
  }
});

it('knows the places of credentials and the trusted proxies', () => {
  const { plan } = compile(`middleware: {auth: {jwt: ${JWT}}}\ntrusted_proxies: [10.0.0.0/8, "::1"]`);
  expect(plan.trustedProxies).toEqual(['10.0.0.0/8', '::1']);
  expect(plan.methods[0]?.places).toContainEqual({ in: 'header', name: 'authorization', scheme: 'bearer' });
  expect(plan.file).toBe('loom.yaml');
});
