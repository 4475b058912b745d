/** Other names of the auth methods and of their options. */
export interface ForeignNames {
  /** Patterns of the mappings that have these names. */
  readonly at: readonly string[];
  /** In each line: the option here, then the names elsewhere. Case, `-` and `_` do not count. */
  readonly names: Readonly<Record<string, string>>;
  /** What to write, for names without one option here. */
  readonly sentences?: readonly (readonly [names: string, sentence: string])[];
}

const TOKEN = ['middleware.auth.jwt', 'middleware.auth.jwt.issuers[]'];

const PASSWORD_SENTENCE =
  'did you mean "password_hash"? `npx loom-auth hash-password` makes the bcrypt hash of a password';

export const AUTH_NAMES: readonly ForeignNames[] = [
  {
    at: [''],
    names: {
      'middleware.auth': 'auth authentication authorization security',
      'middleware.auth.jwt': 'jwtAuthn jwtAuth oidc openid openidConnect expressJwt',
      'middleware.auth.api_key': 'keyAuth apiKeys apiKeyAuth',
      'middleware.auth.basic': 'basicAuth',
      'middleware.auth.oauth': 'oauth2 introspection oauth2Introspect',
      'middleware.auth.mtls': 'mtlsAuth clientCertificates clientCert',
      'middleware.auth.api_key.keys': 'consumers keys',
      'middleware.auth.basic.users': 'users',
      upstreams: 'services clusters backend backends targets service serviceEndpoints',
      routes: 'routers paths apis apiEndpoints virtualHosts rules pipelines locations',
      listeners: 'server servers entryPoints listen port bind host address staticResources',
      trusted_proxies:
        'trustProxy trustedIps forwardedHeaders setRealIpFrom realIp xffNumTrustedHops useRemoteAddress trustedHops proxies realIpFrom',
      client_ip_header:
        'realIpHeader clientIpHeaders clientIpHeaderName remoteIpHeader ipHeader trustedIpHeader customRealIpHeader originalIpDetectionExtensions originalIpDetection trustedPlatform cfConnectingIp',
      rate_limit: 'rateLimiting throttle throttling limits limiter quota quotas',
      'rate_limit.distributed': 'redis',
      logging: 'log logs logger',
      'logging.level': 'logLevel',
      'logging.access': 'accessLog accessLogs',
      'listeners[].tls': 'tls https ssl certificates',
      metrics: 'prometheus stats statsd',
      tracing: 'telemetry opentelemetry otel trace',
      admin: 'dashboard api management adminApi',
      'health.path': 'healthz healthcheck healthChecks ping liveness',
      shutdown: 'lifeCycle lifecycle gracefulShutdown',
      'shutdown.delay': 'shutdownDelay preStopDelay drainTime drainTimeS',
      'shutdown.timeout': 'gracePeriod shutdownTimeout drainTimeout shutdownGracePeriod workerShutdownTimeout',
      'upstreams[].timeout': 'timeouts timeout',
      'upstreams[].retry': 'retries retry',
    },
  },
  {
    at: ['client_ip_header'],
    names: {
      name: 'header headerName realIpHeader remoteIpHeader field',
      from: 'trustedProxies trusted setRealIpFrom realIpFrom cidrs cidr ips ranges addresses sources remoteIpTrustedProxy',
    },
  },
  {
    at: ['middleware.auth'],
    names: {
      jwt: 'bearer token tokens jwks jwtAuthn jwtAuth oidc openid openidConnect',
      api_key: 'keyAuth apiKeys',
      basic: 'basicAuth password',
      oauth: 'oauth2 introspection oauth2Introspect',
      mtls: 'mtlsAuth clientCertificates clientCert certificate',
      chain: 'methods order fallback providers strategies default',
      require_any: 'any anyOf mode requiresAny satisfy',
      'api_key.keys': 'keys consumers',
      'basic.users': 'users',
    },
  },
  {
    at: TOKEN,
    names: {
      required_scopes: 'scopes scope requiredScope scopesRequired allScopes',
      audience: 'audiences aud allowedAudiences allowedAudience validAudiences expectedAudience',
      issuer: 'iss issuerUrl issuerBaseUrl issuerUri expectedIssuer authority',
      issuers: 'providers',
      jwks_url: 'jwksUri jwksEndpoint keysUrl remoteJwks jwkUrl jwksUris keySetUrl certsUrl',
      cookie: 'cookieName cookieNames fromCookies tokenCookie',
      header: 'headerName headerNames fromHeaders headers tokenHeader authHeader',
      query_param: 'uriParamNames fromParams query queryParameter queryString param paramName',
      scheme: 'valuePrefix prefix authScheme tokenPrefix headerPrefix schemes',
      secret: 'key signingKey signingSecret sharedSecret secretOrKey secretKey hmacSecret jwtSecret',
      public_key: 'publicPem rsaPublicKey certificate pem cert publicKeys',
      public_key_file: 'publicKeyPath pemFile certFile keyFile',
      leeway: 'clockSkew clockTolerance clockSkewSeconds tolerance skew allowedClockSkew',
      algorithm: 'alg signingAlgorithm tokenSigningAlg',
      algorithms: 'algs allowedAlgorithms signingAlgorithms',
      required_claims: 'claimsToVerify claims claimValue requiredClaim claimValidation roles requiredRoles groups',
      claims_to_headers: 'claimToHeaders claimsHeaders claimHeaders forwardClaims forwardHeaders upstreamHeaders',
      forward_credentials: 'forward forwardJwt hideCredentials stripToken forwardToken removeHeader',
      max_age: 'maximumExpiration maxTokenAge tokenMaxAge',
      require_exp: 'ignoreExpiration verifyExp requireExpiration',
      subject_claim: 'userClaim keyClaimName principalClaim subClaim usernameClaim userIdClaim subject',
      jwks_max_age: 'jwksCacheTtl cacheDuration jwksRefresh cacheMaxAge',
    },
    sentences: [
      [
        'credentialsRequired anonymous optional required allowMissing',
        'a route says who needs a token: auth: {jwt: true}, or auth: {jwt: true, require: false} for an optional token',
      ],
    ],
  },
  {
    at: ['middleware.auth.api_key'],
    names: {
      header: 'keyNames keyName headerName headers names keyInHeader in',
      query_param: 'param paramName query queryParameter queryString keyInQuery queryParams',
      keys: 'apiKeys credentials values consumers',
      scheme: 'prefix headerPrefix valuePrefix',
      forward_credentials: 'hideCredentials removeHeader',
    },
  },
  {
    at: ['middleware.auth.api_key.keys[]'],
    names: {
      key: 'value secret token apiKey id',
      key_hash: 'hash sha256 keySha256 digest hashedKey',
      name: 'username owner client consumer user label subject clientId',
      expires: 'expiresAt expiry validUntil exp expiration notAfter',
      allowed_ips: 'ips allow whitelist allowlist ipWhitelist ipAllowlist allowedIp cidrs',
      rate_limit: 'limit rate limits quota',
    },
  },
  {
    at: ['middleware.auth.basic'],
    names: {
      users: 'credentials accounts consumers',
      htpasswd_file: 'htpasswd usersFile file htpasswdFile authBasicUserFile',
    },
  },
  {
    at: ['middleware.auth.basic.users[]', 'admin.auth.users[]'],
    names: { username: 'user name login id', password_hash: 'hash passHash hashedPassword bcrypt' },
    sentences: [['password pass passwd pwd secret', PASSWORD_SENTENCE]],
  },
  {
    at: ['middleware.auth.oauth'],
    names: {
      introspection_url:
        'url endpoint introspectionEndpoint introspectUrl introspectionUri tokenIntrospectionUrl introspectEndpoint',
      client_id: 'id',
      client_secret: 'secret',
      cache_ttl: 'ttl cache cacheDuration',
      required_scopes: 'scopes scope requiredScope',
      audience: 'audiences aud',
      auth_method: 'clientAuthMethod introspectionEndpointAuthMethod tokenEndpointAuthMethod',
      claims_to_headers: 'claimToHeaders claimsHeaders forwardHeaders',
    },
  },
  {
    at: ['middleware.auth.mtls'],
    names: { ca_file: 'ca caCertificates caCert caCerts clientCa trustedCa' },
  },
  {
    at: ['routes[].auth'],
    names: {
      methods: 'type method mode strategy provider providers chain',
      require: 'required enabled mandatory optional',
      require_any: 'any anyOf satisfy',
      'jwt.required_scopes': 'scopes requiredScopes scope',
      'jwt.required_claims': 'roles claims requiredClaims groups',
      'jwt.audience': 'audience audiences',
      'jwt.issuers': 'issuers issuer',
      'api_key.names': 'names keys',
      'basic.users': 'users',
      jwt: 'bearer token oidc openid',
      api_key: 'keyAuth apiKeys',
      basic: 'basicAuth',
      oauth: 'oauth2 introspection',
      mtls: 'clientCertificate',
    },
    sentences: [['none public anonymous open', 'a public route has auth: none']],
  },
  {
    at: ['routes[].auth.jwt', 'routes[].auth.narrow.jwt', 'routes[].auth.oauth', 'routes[].auth.narrow.oauth'],
    names: {
      required_scopes: 'scopes scope requiredScope allScopes',
      audience: 'audiences aud',
      required_claims: 'roles claims groups requiredRoles',
      issuers: 'issuer iss',
    },
  },
  {
    at: ['routes[].auth.api_key', 'routes[].auth.narrow.api_key'],
    names: { names: 'keys name consumers' },
  },
  {
    at: ['routes[].auth.mtls', 'routes[].auth.narrow.mtls'],
    names: {
      sans: 'san subjectAltNames altNames dnsNames spiffeIds',
      subjects: 'subject cn dn commonNames',
      fingerprints: 'fingerprint sha256 hashes',
    },
  },
];
