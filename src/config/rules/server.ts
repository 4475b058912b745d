/** The pages of the rules about listeners, upstreams, the admin address and CORS. */
import { API_KEY, auth, KEYS_GUARD_ALL, page, type RulePage } from './example.js';

const gateway = (listener: string, more = ''): string =>
  `listeners: [${listener}]\n${auth(API_KEY)}routes: [{ path: /orders, upstream: orders, auth: { api_key: true } }]
upstreams: [{ name: orders, endpoints: ["https://orders.internal:9001"]${more} }]\n`;
const HTTP = '{ address: ":8080" }';
const TLS = (cert: string): string =>
  `{ address: ":8443", tls: { cert_file: ${cert}.pem, key_file: ${cert}-key.pem } }`;

export const SERVER_PAGES = {
  insecure: page(
    'Anyone on the network between Loom and the upstream can read and change requests.',
    gateway(HTTP, ', tls: { insecure_skip_verify: true }'),
    gateway(HTTP, ', tls: { ca_file: ca.pem }'),
    { files: { 'ca.pem': 'the certificate of an authority' } },
  ),
  open_admin: page(
    'The pages of the admin address show routes, upstreams and metrics to everyone who reaches it.',
    `${gateway(HTTP)}admin: { address: ":9090" }\n`,
    `${gateway(HTTP)}admin: { address: ":9090", auth: { type: bearer, bearer: { token: "\${ADMIN_TOKEN}" } } }\n`,
  ),
  tls_file: page(
    'A listener with such a file does not open, or clients refuse its certificate.',
    gateway(TLS('old')),
    gateway(TLS('server')),
    {
      files: {
        'old.pem': 'a certificate that ended yesterday',
        'old-key.pem': 'the key of the certificate that ended',
        'server.pem': 'a certificate that is valid for a year',
        'server-key.pem': 'the key of the certificate',
      },
    },
  ),
  unencrypted_origin: page(
    'An attacker on the network can pose as an `http` page, and the browser adds the credentials of the user.',
    `${KEYS_GUARD_ALL}cors: { enabled: true, allowed_origins: ["http://app.example.com"], allow_credentials: true }\n`,
    `${KEYS_GUARD_ALL}cors: { enabled: true, allowed_origins: ["https://app.example.com"], allow_credentials: true }\n`,
  ),
  unsafe_cors: page(
    'Every page that the user visits could act for the user.',
    `${KEYS_GUARD_ALL}cors: { enabled: true, allowed_origins: ["*"], allow_credentials: true }\n`,
    `${KEYS_GUARD_ALL}cors: { enabled: true, allowed_origins: ["https://app.example.com"], allow_credentials: true }\n`,
  ),
  wrong_protocol: page(
    'A listener cannot be encrypted and unencrypted at once.',
    gateway('{ address: ":8443", protocol: https }'),
    gateway('{ address: ":8443", protocol: http }'),
  ),
} satisfies Readonly<Record<string, RulePage>>;
