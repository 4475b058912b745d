/** The pages of the rules that only `check` runs. */
import type { LINT_CODES } from '../lint-codes.js';
import { API_KEY, auth, KEYS_GUARD_ALL, page, type RulePage } from './example.js';

const key = (text: string, more = ''): string =>
  auth(`api_key: { keys: [{ key: "${text}", name: orders${more} }] }`, 'chain: [api_key]');
const JWT = 'audience: api.example.com';
const gateway = (upstream: string): string => `listeners: [{ address: ":8080" }]
${auth(API_KEY)}routes:
  - { path: /health, upstream: ${upstream}, auth: none }
  - { path: /orders, upstream: orders, auth: { api_key: true } }
  - { path: /, upstream: site, auth: none }
upstreams:
  - { name: orders, endpoints: ["127.0.0.1:9001"] }
  - { name: site, endpoints: ["127.0.0.1:9002"] }
`;

const local = (more = ''): string =>
  `listeners: [{ address: "unix:/run/loom.sock"${more} }]
${auth(API_KEY)}routes: [{ path: /orders, upstream: orders, auth: { api_key: true } }]
upstreams: [{ name: orders, endpoints: ["127.0.0.1:9001"] }]
`;

export const LINT_PAGES: Readonly<Record<keyof typeof LINT_CODES, RulePage>> = {
  bad_ignore: page(
    'The comment does not accept the warning that its author means. A comment without a reason accepts nothing.',
    'routes:\n  - path: /health\n    auth: none # loom-ignore: public_route\n',
    'routes:\n  - path: /health\n    auth: none\n',
  ),
  expired: page(
    'An expired key or certificate refuses every request of its owner. An old entry also hides which keys count.',
    key('${ORDERS_KEY}', ', expires: "2024-12-31"'),
    key('${ORDERS_KEY}', ', expires: "2124-12-31"'),
  ),
  expires_soon: page(
    'After the end, requests fail. This note leaves time for a replacement, and does not stop a deployment.',
    key('${ORDERS_KEY}', ', expires: "‹in 10 days›"'),
    key('${ORDERS_KEY}', ', expires: "‹in 300 days›"'),
  ),
  forgeable_clients: page(
    'A local user can pose as any client, and reach keys with `allowed_ips` or the limits of others.',
    `${local(', mode: "0666"')}trusted_proxies: [unix]\n`,
    `${local(', mode: "0660"')}trusted_proxies: [unix]\n`,
  ),
  guessable_secret: page(
    'Attackers try such texts before all others. An encoding such as base64 hides nothing.',
    key('my-secret-api-key'),
    key('${ORDERS_KEY}'),
  ),
  leaked_secret: page(
    'Each attack begins with the passwords of published leaks.',
    key('trustno1'),
    key('${ORDERS_KEY}'),
  ),
  public_beside_guarded: page(
    'If the upstream reads a path in another way than Loom, a request for the public route can reach guarded content.',
    gateway('orders'),
    gateway('site'),
  ),
  shadow_file: page(
    'The gateway serves without the comparison, and the report of differences stays empty.',
    `${KEYS_GUARD_ALL}shadow: next.yaml\n`,
    KEYS_GUARD_ALL,
  ),
  similar_issuers: page(
    '`iss` is compared exactly. Tokens of the real issuer are refused by the entry with the wrong spelling.',
    auth(
      `jwt: { ${JWT}, issuers: [{ issuer: "https://id.example.com" }, { issuer: "https://id.example.com/" }] }`,
      'chain: [jwt]',
    ),
    auth(`jwt: { ${JWT}, issuers: [{ issuer: "https://id.example.com/" }] }`, 'chain: [jwt]'),
  ),
  unknown_clients: page(
    'All clients share one limit, and `allowed_ips` never matches.',
    `${local()}rate_limit: { rate: 10 }\n`,
    `${local()}trusted_proxies: [unix]\nrate_limit: { rate: 10 }\n`,
  ),
  unreachable_limit: page(
    'A limit that never counts looks like protection.',
    `${KEYS_GUARD_ALL}rate_limit:\n  rate: 10\n  exemptions: [{ type: ip, values: ["0.0.0.0/1", "128.0.0.0/1"] }]\n`,
    `${KEYS_GUARD_ALL}rate_limit:\n  rate: 10\n  exemptions: [{ type: ip, values: ["10.0.0.0/8"] }]\n`,
  ),
  unsent_header: page(
    'The upstream waits for a header that never comes, and may then treat every caller alike.',
    auth(
      `jwt: { ${JWT}, claims_to_headers: { sub: X-User }, issuers: [{ issuer: "https://id.example.com", claims_to_headers: { sub: X-Caller } }] }`,
      'chain: [jwt]',
    ) + 'routes: [{ path: /public, auth: none }]\n',
    auth(
      `jwt: { ${JWT}, issuers: [{ issuer: "https://id.example.com", claims_to_headers: { sub: X-Caller } }] }`,
      'chain: [jwt]',
    ) + 'routes: [{ path: /public, auth: none }]\n',
  ),
  unused_ignore: page(
    'A comment that accepts nothing now would accept a later warning without a review.',
    'routes:\n  - path: /health\n    auth: none # loom-ignore: public_route the balancer asks here\n',
    'routes:\n  - path: /health\n    auth: none\n',
  ),
};
