/** The loom.yaml of the demo: the complete example of the Loom page, extended to every method and combination. */
import type { AuthorityFiles } from './authority.js';
import { LOOPBACK } from './ports.js';

export interface FileFacts {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly issuer: string;
  readonly audience: string;
  readonly certificates: AuthorityFiles;
  readonly keyHash: string;
  readonly passwordHash: string;
  readonly introspector: { readonly id: string; readonly secret: string };
  readonly orders: string;
  readonly reports: string;
  readonly admin: { readonly port: number; readonly reader: string; readonly operator: string };
}

/** A YAML double-quoted scalar. Every JSON string is one. */
const quoted = (text: string): string => JSON.stringify(text);

export function demoFile(facts: FileFacts): string {
  return [listeners(facts), admin(facts), methods(facts), ROUTES, upstreams(facts)].join('\n');
}

function listeners({ httpPort, httpsPort, certificates }: FileFacts): string {
  return `# Written by \`loom-auth demo\`; its secrets live as long as the demo.
listeners:
  - name: http
    address: "${LOOPBACK}:${httpPort}"
    protocol: http
  - name: https
    address: "${LOOPBACK}:${httpsPort}"
    protocol: https
    tls:
      cert_file: ${quoted(certificates.serverCert)}
      key_file: ${quoted(certificates.serverKey)}
      client_auth: request # asks; routes decide who must show one
      ca_file: ${quoted(certificates.ca)}
      client_cert_headers:
        subject: X-Client-Subject
        fingerprint: X-Client-Fingerprint
`;
}

function admin({ admin: { port, reader, operator } }: FileFacts): string {
  return `admin:
  address: "${LOOPBACK}:${port}"
  auth:
    type: bearer
    bearer: { token: ${quoted(reader)} }
    operator: { token: ${quoted(operator)} }
`;
}

function methods(facts: FileFacts): string {
  return `middleware:
  auth:
    jwt:
      issuer: ${facts.issuer}
      audience: ${facts.audience}
      jwks_url: ${facts.issuer}/.well-known/jwks.json
      claims_to_headers:
        sub: X-User-ID
        scope: X-User-Scopes
    api_key:
      header: X-API-Key
      keys:
        - key_hash: "${facts.keyHash}"
          name: production
          rate_limit: 10000
      claims_to_headers:
        name: X-Key-Name
    basic:
      realm: Loom demo
      users:
        - username: admin
          password_hash: "${facts.passwordHash}"
      claims_to_headers:
        username: X-Admin-Name
    oauth:
      introspection_url: ${facts.issuer}/introspect
      client_id: ${quoted(facts.introspector.id)}
      client_secret: ${quoted(facts.introspector.secret)}
      audience: ${facts.audience}
      cache_ttl: 30s
      claims_to_headers:
        client_id: X-Client-ID
`;
}

const ROUTES = `routes:
  - id: public
    path: /public/*
    upstream: orders
    auth: none
  - id: external-api
    path: /api/v1/*
    upstream: orders
    auth:
      api_key: true
  - id: authenticated
    path: /api/*
    upstream: orders
    auth:
      require: true
      methods: [jwt, api_key]
  - id: internal-api
    path: /internal/*
    upstream: orders
    auth:
      jwt: true
  - id: admin
    path: /admin/*
    upstream: reports
    auth:
      basic: true
  - id: reports
    path: /reports/*
    upstream: reports
    auth:
      oauth:
        required_scopes: [reports:read]
  - id: service-api
    path: /service/*
    upstream: reports
    auth:
      mtls: true
  - id: vault
    path: /vault/*
    upstream: reports
    auth:
      methods: [jwt, mtls]
      require_any: false
`;

function upstreams({ orders, reports }: FileFacts): string {
  return `upstreams:
  - name: orders
    endpoints:
      - "${orders}"
  - name: reports
    endpoints:
      - "${reports}"

rate_limit:
  enabled: true
  key: identity
  rate: 100
  burst: 200
`;
}
