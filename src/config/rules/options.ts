/** The pages of the rules about options, variables and files. */
import { API_KEY, auth, KEYS_GUARD_ALL, page, type RulePage } from './example.js';

const key = (value: string): string => auth(`api_key: { keys: [{ key: ${value}, name: orders }] }`, 'chain: [api_key]');
const jwt = (more: string): string =>
  auth(
    'jwt:',
    '  issuer: https://id.example.com',
    '  audience: api.example.com',
    ...more.split('\n').map((line) => `  ${line}`),
    'chain: [jwt]',
  );
const ROUTE = 'routes:\n  - path: /public\n    auth: none\n';
const GATEWAY = `listeners: [{ address: ":8080" }]
middleware: { auth: { ${API_KEY} } }
upstreams: [{ name: orders, endpoints: ["127.0.0.1:9001"] }]
`;
const tokens = (head: string): string => `listeners: [{ address: ":8080", max_header_size: ${head} }]
${auth('jwt: { issuer: "https://id.example.com", audience: api }')}routes: [{ path: /orders, upstream: orders, auth: { jwt: true } }]
upstreams: [{ name: orders, endpoints: ["127.0.0.1:9001"] }]
`;

export const OPTION_PAGES = {
  access_default: page(
    'A default would decide who may pass on a machine where the variable was forgotten.',
    `${auth(API_KEY)}routes: [{ path: /reports, auth: { api_key: true, require: "\${REPORTS_GUARDED:-false}" } }]\n`,
    `${auth(API_KEY)}routes: [{ path: /reports, auth: { api_key: true, require: true } }]\n`,
  ),
  ambiguous_secret: page(
    'Another YAML reader takes this text for a number, date or boolean, and would compare another secret.',
    key('2026-01-31'),
    key('"${ORDERS_KEY}"'),
  ),
  bad_reference: page(
    'A misspelt reference would be a secret by its text, which every reader of the file knows.',
    key('"${orders key}"'),
    key('"${ORDERS_KEY}"'),
  ),
  control_character: page(
    'A line break in a secret is nearly always a mistake of the tool that wrote the file. No client can send it.',
    key('"${file:key.txt}"'),
    key('"${ORDERS_KEY}"'),
    { files: { 'key.txt': 'a text of two lines' } },
  ),
  duplicate: page(
    'Of two entries with one name, it is unclear which entry is used.',
    `${ROUTE.replace('/public', '/a')}    id: open\n  - path: /b\n    auth: none\n    id: open\n`,
    `${ROUTE.replace('/public', '/a')}    id: a\n  - path: /b\n    auth: none\n    id: b\n`,
  ),
  empty_file: page(
    'An empty file is a secret or key that was not written. An empty secret would let everyone pass.',
    jwt('public_key_file: key.pem'),
    jwt('jwks_url: https://id.example.com/jwks.json'),
    { files: { 'key.pem': 'an empty file' } },
  ),
  missing: page(
    'Loom does not guess an option that decides who may pass.',
    'routes:\n  - auth: none\n',
    'routes:\n  - path: /public\n    auth: none\n',
  ),
  no_effect: page(
    'An option without effect looks like protection.',
    `${KEYS_GUARD_ALL}rate_limit:\n  rate: 10\n  on_store_error: deny\n`,
    `${KEYS_GUARD_ALL}rate_limit:\n  rate: 10\n`,
  ),
  not_built: page(
    'The Loom API gateway documents this option, but here it would do nothing.',
    `${KEYS_GUARD_ALL}cache: {}\n`,
    KEYS_GUARD_ALL,
  ),
  not_pem: page(
    'Node reads certificates and keys as PEM text. Another form would be refused at the first connection.',
    `${GATEWAY.replace('["127.0.0.1:9001"]', '["https://orders.internal"], tls: { ca_file: ca.pem }')}routes: [{ path: /orders, upstream: orders, auth: { api_key: true } }]\n`,
    `${GATEWAY.replace('["127.0.0.1:9001"]', '["https://orders.internal"]')}routes: [{ path: /orders, upstream: orders, auth: { api_key: true } }]\n`,
    { files: { 'ca.pem': 'a text without a PEM block' } },
  ),
  printed_secret: page(
    'Attackers try the secrets of public documentation first.',
    key('sk_live_abc123'),
    key('"${ORDERS_KEY}"'),
  ),
  secret_default: page(
    'The default is a second secret, which every reader of the file knows.',
    key('"${ORDERS_KEY:-sk_orders_4711}"'),
    key('"${ORDERS_KEY}"'),
  ),
  token_over_head: page(
    'A token that is longer than the request head is answered 431 before the auth method reads it.',
    tokens('4KB'),
    tokens('16KB'),
  ),
  two_sources: page(
    'Two options that say the same thing can say different things after the next change.',
    jwt('algorithm: RS256\nalgorithms: [RS256]')
      .replace('algorithm: RS256', 'jwks_file: keys.json\n      jwks: { keys: [] }')
      .replace('      algorithms: [RS256]\n', ''),
    jwt('jwks_url: https://id.example.com/jwks.json'),
  ),
  unknown_key: page(
    'An option that does not exist is ignored by other tools. A misspelt guard would guard nothing.',
    'routes:\n  - path: /public\n    auth: none\n    timeot: 5s\n',
    'routes:\n  - path: /public\n    auth: none\n    timeout: 5s\n',
  ),
  unreadable_file: page(
    'Without the file Loom does not know the secret or key. It does not start with a part of its rules.',
    key('"${file:missing.txt}"'),
    key('"${ORDERS_KEY}"'),
  ),
  unset_variable: page(
    'An unset variable would be an empty secret or an empty address.',
    key('"${NOT_SET}"'),
    key('"${ORDERS_KEY}"'),
  ),
  weak_secret: page(
    'A short secret can be guessed. With one token, an attacker guesses its secret without a request to Loom.',
    jwt('secret: kT9vLp2xRq7m'),
    jwt('secret: "${JWT_SECRET}"'),
  ),
  world_readable: page(
    'Every program on the machine can read the secret and pose as its owner.',
    key('"${file:key.txt}"'),
    key('"${file:private.txt}"'),
    {
      files: {
        'key.txt': 'a secret that every user of the machine can read',
        'private.txt': 'a secret that only its owner can read',
      },
    },
  ),
  wrong_key: page(
    'Another YAML reader may read a key that is no text as another key.',
    `${KEYS_GUARD_ALL.replace('}] }', '}], claims_to_headers: { 1: X-User } }')}`,
    `${KEYS_GUARD_ALL.replace('}] }', '}], claims_to_headers: { name: X-User } }')}`,
  ),
  wrong_type: page(
    'A value of the wrong type is often a missing or needless quote.',
    'routes:\n  - path: /public\n    auth: none\n    priority: high\n',
    'routes:\n  - path: /public\n    auth: none\n    priority: 10\n',
  ),
  wrong_value: page(
    'The option does not accept this value, and Loom does not choose another one.',
    'routes:\n  - path: public\n    auth: none\n',
    'routes:\n  - path: /public\n    auth: none\n',
  ),
} satisfies Readonly<Record<string, RulePage>>;
