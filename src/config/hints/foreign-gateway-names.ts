/** Other names of the options of a gateway: listeners, routes, upstreams, limits and operations. */
import type { ForeignNames } from './foreign-auth-names.js';

const RATE_SENTENCE =
  'write the unit in the rate, such as rate: "100/m"; a fixed window is an entry of rate_limit.quotas: {name, window, limit}';

const RATE_NAMES = {
  rate: 'requests limit average max tokens rps qps points maxRequests requestsPerUnit tokensPerFill perSecond second',
  burst: 'burstSize capacity burstLimit maxTokens bucketSize',
};

export const GATEWAY_NAMES: readonly ForeignNames[] = [
  {
    at: ['routes[].rate_limit', 'rate_limit.tiers[]', 'middleware.auth.api_key.keys[].rate_limit'],
    names: RATE_NAMES,
    sentences: [
      [
        'window windowMs windowSize period per duration fillInterval timeWindow interval unit minute hour day perMinute perHour requestsPerMinute',
        'write the unit in the rate, such as rate: "100/m"',
      ],
    ],
  },
  {
    at: ['listeners[]'],
    names: {
      address: 'port bind listen host hostname addr',
      tls: 'ssl https certificate',
      mode: 'permissions socketMode fileMode',
      proxy_protocol: 'acceptProxy sendProxy proxyProtocolV2 useProxyProtocol',
      read_timeout: 'timeout requestTimeout headersTimeout',
      idle_timeout: 'keepAliveTimeout keepaliveTimeout',
      max_header_size: 'maxHeaderBytes maxRequestHeadersKb',
    },
  },
  {
    at: ['listeners[].tls'],
    names: {
      cert_file: 'cert certificate certPath sslCert certificates crt certificateChain sslCertificate',
      key_file: 'key privateKey keyPath sslCertificateKey sslKey',
      ca_file: 'ca clientCa caCert caFiles trustedCa',
      client_auth: 'clientAuthType verifyClient mtls requireClientCertificate clientCertificate sslVerifyClient',
      crl_file: 'crl crls',
      min_version:
        'minTlsVersion minProtocolVersion versions minimumProtocolVersion sslProtocols tlsMinimumProtocolVersion',
    },
    sentences: [['passphrase password', 'write the key without a passphrase']],
  },
  {
    at: ['routes[]'],
    names: {
      id: 'name',
      path: 'paths prefix uri url match rule pattern location pathPrefix',
      host: 'hosts domains hostname domain',
      methods: 'method verbs httpMethods',
      upstream: 'service backend target proxyPass cluster serviceEndpoint upstreams to destination',
      strip_prefix: 'stripPath',
      'rewrite.path': 'prefixRewrite pathRewrite rewritePath replacePath',
      auth: 'public anonymous open security authentication authorization policies requirements protected',
      plugins: 'plugin middlewares filters',
      rate_limit: 'rate limit throttle rateLimiting',
      query: 'queryString queryParameters',
      timeout: 'timeoutMs readTimeout requestTimeout',
      preserve_host: 'hostHeader passHostHeader',
      'auth.jwt.required_scopes': 'scopes requiredScopes scope',
      'auth.jwt.required_claims': 'roles claims requiredClaims groups',
      'auth.jwt.audience': 'audience audiences',
      'auth.require': 'required authRequired',
    },
  },
  {
    at: ['routes[].rewrite'],
    names: { path: 'uri url to replacement target regex' },
  },
  {
    at: ['upstreams[]'],
    names: {
      endpoints: 'url urls servers targets hosts nodes backends host address loadBalancer.servers',
      load_balancer: 'algorithm lb lbPolicy strategy balancer balance lbAlgorithm',
      health_check: 'healthChecks activeChecks healthcheck',
      circuit_breaker: 'outlierDetection breaker circuitBreakers',
      retry: 'retries retryPolicy',
      pool: 'keepalive connectionPool connections',
      dns: 'resolver resolvers resolve dnsResolvers',
      'dns.refresh': 'dnsRefreshRate resolveInterval dnsTtl',
      timeout: 'timeouts connectTimeout readTimeout proxyReadTimeout',
      tls: 'ssl https transportSocket',
    },
  },
  {
    at: ['upstreams[].tls'],
    names: {
      insecure_skip_verify: 'verify skipVerify insecure rejectUnauthorized tlsVerify sslVerify',
      ca_file: 'ca caCert caCertificates rootCas',
      cert_file: 'cert certificate clientCertificate',
      key_file: 'key privateKey',
    },
  },
  {
    at: ['upstreams[].health_check'],
    names: {
      path: 'uri url endpoint httpPath',
      interval: 'period every',
      healthy_threshold: 'rise passes',
      unhealthy_threshold: 'fall fails maxFails',
      expected_status: 'status codes statuses expectedCodes',
    },
  },
  {
    at: ['upstreams[].retry'],
    names: {
      max_retries: 'attempts count numRetries retries max',
      retryable_codes: 'status codes retryOn statusCodes',
    },
  },
  {
    at: ['upstreams[].pool'],
    names: { max_lifetime: 'maxAge maxConnectionDuration maxConnectionAge keepaliveTime connMaxLifetime' },
  },
  {
    at: ['dns', 'upstreams[].dns'],
    names: {
      refresh: 'interval valid ttl refreshRate refreshInterval period every',
      servers: 'nameservers nameserver resolver resolvers server addresses',
    },
  },
  {
    at: ['upstreams[].timeout'],
    names: { connect: 'connectTimeout dial', read: 'readTimeout response request', write: 'writeTimeout send' },
  },
  {
    at: ['rate_limit'],
    names: {
      ...RATE_NAMES,
      key: 'limitBy by keyBy keyGenerator sourceCriterion keyExtractor descriptors',
      distributed: 'policy storage backend redis redisStore',
      exemptions: 'whitelist allowlist skip exclude exempt bypass',
      response: 'message errorMessage statusCode errorCode status',
    },
    sentences: [
      [
        'window windowMs windowSize period per duration fillInterval timeWindow interval unit minute hour day month year perMinute perHour requestsPerMinute',
        RATE_SENTENCE,
      ],
    ],
  },
  {
    at: ['rate_limit.distributed'],
    names: {
      address: 'url host addr server endpoint uri',
      addresses: 'hosts nodes servers',
      key_prefix: 'prefix namespace',
      db: 'database',
      username: 'user',
    },
  },
  {
    at: ['cors'],
    names: {
      allowed_origins: 'origins origin allowOriginStringMatch accessControlAllowOriginList allowOrigin',
      allowed_methods: 'methods accessControlAllowMethods',
      allowed_headers: 'headers accessControlAllowHeaders',
      exposed_headers: 'accessControlExposeHeaders',
      allow_credentials: 'credentials accessControlAllowCredentials',
      max_age: 'accessControlMaxAge preflightMaxAge',
    },
  },
  {
    at: ['logging'],
    names: {
      access: 'accessLogs requests',
      'request_id.header': 'requestIdHeader correlationId',
      level: 'verbosity severity',
    },
  },
  {
    at: ['admin'],
    names: { address: 'port listen bind host', auth: 'credentials username password token' },
  },
  { at: ['metrics'], names: { path: 'endpoint url' } },
  { at: ['health'], names: { path: 'endpoint url uri' } },
  {
    at: ['shutdown'],
    names: {
      delay: 'requestAcceptGraceTimeout shutdownDelay preStop wait',
      timeout: 'graceTimeOut gracePeriod drainTimeout grace drain',
    },
  },
];
