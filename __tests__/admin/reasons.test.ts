/** Each reason of a refusal, caused by a real request: what its record says, and that the page of cures answers it. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { hashSync } from 'bcryptjs';
import type { ReasonCode } from '../../src/auth/verdict.js';
import { REASONS } from '../../src/auth/verdict.js';
import { rawToken, seconds, tokenIssuer, type Claims, type TokenIssuer } from '../support/token-issuer.js';
import { pluginWat } from '../support/wat.js';
import { askedServer, json, type AskedServer } from '../tokens/introspection-server.js';
import { signed, signingKey } from '../tokens/signing.js';
import { closeAll, cureOf, groundOf, type ReasonGround } from './reason-ground.js';

const KEY = 'sk_of_the_reasons_01';
const PASSWORD = 'correct-horse';

let issuer: TokenIssuer;
let introspection: AskedServer;
beforeAll(async () => {
  issuer = await tokenIssuer({ kid: 'k1' });
  introspection = await askedServer(json({ active: false }));
});
afterEach(closeAll);
afterAll(() => Promise.all([issuer.close(), introspection.close()]));

interface Caused {
  /** Causes the refusal. */
  readonly cause: () => Promise<{ readonly ground: ReasonGround; readonly status: number }>;
  /** The sentence of the record. */
  readonly words: RegExp;
  /** What the page of cures says to do about it. */
  readonly cure: RegExp;
}

/** A reason that needs more than one request through a gateway has a test elsewhere, which names the reason. */
interface Elsewhere {
  readonly heldBy: string;
  readonly cure: RegExp;
}

const API_KEY = `api_key: { keys: [{ key: ${KEY}, name: alice }] }`;
const basic = (options = ''): string =>
  `basic: { users: [{ username: ops, password_hash: "${hashSync(PASSWORD, 4)}" }] ${options} }`;
const credential = (password: string) => ({ Authorization: `Basic ${btoa(`ops:${password}`)}` });
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

const sent = async (auth: string, route: string, headers: object = {}, rest = '') => {
  const ground = await groundOf(auth, route, rest);
  return { ground, status: await ground.send(headers) };
};

const jwt = async (token: string | Promise<string>, options = '') =>
  sent(
    `jwt: { issuer: "${issuer.origin}", jwks_url: "${issuer.origin}/jwks", audience: [api] ${options} }`,
    '{ jwt: true }',
    bearer(await token),
  );
const tokenOf = (claims: Claims = {}, header: object = {}) => issuer.token({ aud: 'api', ...claims }, header);
const forged = () =>
  signed(
    { iss: issuer.origin, sub: 'ada' },
    { alg: 'RS256', key: signingKey('RS256').privateKey, header: { kid: 'k1' } },
  );
const oauth = (url: string) =>
  sent(
    `oauth: { introspection_url: "${url}/", client_id: us, client_secret: s-e-c-r-e-t }`,
    '{ oauth: true }',
    bearer('opaque-token'),
  );

const EXAMPLE = resolve(__dirname, '../../examples/wasm-plugin/auth-assemblyscript.wasm');
const READS_BODY = '(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 0))';

interface Plugged {
  readonly headers?: object;
  readonly options?: string;
  readonly body?: string;
}
const plugged = async (wat: string, { headers = {}, options = '', body }: Plugged = {}) => {
  const ground = await groundOf(
    '',
    '{ plugin: gatekeeper }',
    `plugins: [{ name: gatekeeper, path: plugin.wasm ${options} }]`,
    wat,
  );
  return { ground, status: await ground.send(headers, body === undefined ? {} : { method: 'POST', body }) };
};

const CASES: Readonly<Record<ReasonCode, Caused | Elsewhere>> = {
  credential_missing: {
    cause: () => sent(API_KEY, '{ api_key: true }', { 'X-Api-Token': KEY }),
    words: /no credential in header `X-Api-Key`; the request has `X-Api-Token`/,
    cure: /where an auth method/,
  },
  credential_invalid: {
    cause: () => sent(API_KEY, '{ api_key: true }', { 'X-API-Key': ` "${KEY}"` }),
    words: /no key with this value of 22 characters in header `X-Api-Key`; the value is in quotes/,
    cure: /white space around the key/,
  },
  credential_duplicate: {
    cause: () => sent(API_KEY, '{ api_key: true }', { 'X-API-Key': [KEY, KEY] }),
    words: /two values in header `X-Api-Key`/,
    cure: /Send one credential/,
  },
  token_malformed: {
    cause: () => jwt(rawToken({ alg: 'RS256', crit: ['x'] }, {}, 'x')),
    words: /is not a valid compact JWS/,
    cure: /as the issuer wrote it/,
  },
  token_too_large: {
    cause: () => jwt(tokenOf({ groups: 'x'.repeat(9_000) })),
    words: /longer than/,
    cure: /max_token_size/,
  },
  token_signature: { cause: () => jwt(forged()), words: /no key verifies the signature.*unverified/, cure: /./ },
  token_expired: {
    cause: () => jwt(tokenOf({ exp: seconds() - 641 })),
    words: /expired \d+ min ago, leeway \d+ s/,
    cure: /./,
  },
  token_not_yet_valid: {
    cause: () => jwt(tokenOf({ nbf: seconds() + 400 })),
    words: /`nbf` is \d+ (?:s|min) in the future, leeway/,
    cure: /[Cc]lock/,
  },
  token_issuer: {
    cause: () => jwt(tokenOf({ iss: `${issuer.origin}/` })),
    words: /`iss` is .*; expected .*: they differ only by a trailing slash \(unverified/,
    cure: /Set `issuer` to the `iss`/,
  },
  token_audience: {
    cause: () => jwt(tokenOf({ aud: 'web' })),
    words: /`aud` is "web"; expected "api"/,
    cure: /a token for this API/,
  },
  token_type: { cause: () => jwt(tokenOf({ at_hash: 'x' })), words: /the token is not an access token/, cure: /./ },
  token_claims: {
    cause: () => jwt(tokenOf({ cnf: { jkt: 'x' } })),
    words: /bound to a key \(`cnf`\); `ignore_cnf: true` accepts it/,
    cure: /./,
  },
  token_inactive: { cause: () => oauth(introspection.origin), words: /oauth: /, cure: /./ },
  token_unknown_key: {
    cause: () => jwt(tokenOf({}, { kid: 'k9' })),
    words: /no key for a token with `kid` "k9"; .*k1/,
    cure: /./,
  },
  subject_missing: {
    cause: () => jwt(tokenOf({ sub: undefined, email: 'ada@example.com' })),
    words: /no usable subject: the token has .*`email`; see `subject_claim`/,
    cure: /subject_claim/,
  },
  subject_invalid: { cause: () => jwt(tokenOf({ sub: 5 })), words: /no usable subject/, cure: /subject_claim/ },
  certificate_untrusted: { heldBy: '__tests__/serve/handshake-causes.test.ts', cure: /./ },
  certificate_expired: { heldBy: '__tests__/serve/handshake-causes.test.ts', cure: /./ },
  insufficient_scope: {
    cause: () => jwt(tokenOf({ scope: 'read' }), ', required_scopes: [write]'),
    words: /scope "write" is missing; the credential has "read"/,
    cure: /./,
  },
  not_allowed: {
    cause: () =>
      sent(API_KEY.replace(' name: alice', ' name: alice, allowed_ips: ["203.0.113.0/24"]'), '{ api_key: true }', {
        'X-API-Key': KEY,
      }),
    words: /the key "alice" does not allow the address 127\.0\.0\.1/,
    cure: /./,
  },
  cross_site: {
    cause: async () => {
      const ground = await groundOf(basic(), '{ basic: true }');
      const page = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' };
      return { ground, status: await ground.send({ ...credential(PASSWORD), ...page }, { method: 'POST' }) };
    },
    words: /Sec-Fetch-Site is "cross-site", Origin is "https:\/\/evil\.example"; allowed_origins is empty/,
    cure: /allowed_origins/,
  },
  identity_conflict: {
    cause: () =>
      sent(
        `${API_KEY.replace(/ }$/, ', claims_to_headers: { name: X-Caller } }')}, ${basic(', claims_to_headers: { username: X-Caller }')}`,
        '{ api_key: true, basic: true, require_any: false }',
        { 'X-API-Key': KEY, ...credential(PASSWORD) },
      ),
    words: /api_key and basic set the header `X-Caller` to different values/,
    cure: /./,
  },
  key_set_unavailable: {
    cause: async () =>
      sent(
        'jwt: { issuer: "https://id.example", jwks_url: "http://127.0.0.1:1/jwks", audience: [api] }',
        '{ jwt: true }',
        bearer(await tokenOf({ iss: 'https://id.example' })),
      ),
    words: /jwt: /,
    cure: /./,
  },
  introspection_unavailable: { cause: () => oauth('http://127.0.0.1:1'), words: /oauth: /, cure: /./ },
  method_unavailable: { heldBy: '__tests__/auth/combine.test.ts', cure: /./ },
  key_store_unavailable: {
    cause: () =>
      sent('api_key: { store: { type: sqlite, path: missing.db } }', '{ api_key: true }', { 'X-API-Key': KEY }),
    words: /missing\.db does not exist; "loom-auth keys create" makes it/,
    cure: /the database of/,
  },
  store_unavailable: {
    cause: () =>
      sent(
        API_KEY,
        '{ api_key: true }',
        { 'X-API-Key': KEY },
        'rate_limit: { rate: 10, distributed: { type: redis, address: "redis://127.0.0.1:1" }, on_store_error: deny }',
      ),
    words: /Redis does not answer, and `on_store_error` is `deny`/,
    cure: /Check Redis/,
  },
  pool_full: { heldBy: '__tests__/auth/methods/basic/basic.test.ts', cure: /./ },
  throttled: {
    cause: async () => {
      const { ground } = await sent(
        basic(', throttle: { failures: 1, per: 1m }'),
        '{ basic: true }',
        credential('wrong'),
      );
      return { ground, status: await ground.send(credential('wrong again')) };
    },
    words: /too many failed attempts/,
    cure: /./,
  },
  plugin_refused: {
    cause: () => sent('', '{ plugin: example }', {}, `plugins: [{ name: example, path: "${EXAMPLE}", timeout: 5s }]`),
    words: /^example: the plugin answered 401$/,
    cure: /./,
  },
  plugin_unavailable: {
    cause: () => plugged(pluginWat({ onRequest: '(unreachable)' })),
    words: /the plugin reached no decision: ./,
    cure: /./,
  },
  header_not_ascii: {
    cause: () => plugged(pluginWat(), { headers: { 'X-Name': 'M\u00fcller' } }),
    words: /not ASCII/,
    cure: /./,
  },
  body_too_large: {
    cause: () =>
      plugged(pluginWat({ body: READS_BODY }), {
        options: ', phase: on_request_body, max_body: 1KB',
        body: 'x'.repeat(5_000),
      }),
    words: /longer than the plugin reads/,
    cure: /max_body/,
  },
  // The plugin waits half a minute for the next byte.
  body_late: { heldBy: '__tests__/admin/late-body.slow.test.ts', cure: /./ },
};

const reasons = Object.entries(CASES) as [ReasonCode, Caused | Elsewhere][];
const caused = reasons.flatMap(([reason, each]) => ('cause' in each ? [[reason, each] as const] : []));
const elsewhere = reasons.flatMap(([reason, each]) => ('heldBy' in each ? [[reason, each] as const] : []));

test.each(caused)('%s', async (reason, { cause, words, cure }) => {
  const { ground, status } = await cause();
  const record = await ground.record(reason);
  expect(record).toMatchObject({ kind: 'denied', status, reason, route: 'guarded' });
  expect(record?.detail ?? '').toMatch(words);
  expect(cureOf(reason)).toMatch(cure);
  expect(JSON.stringify(record)).not.toMatch(new RegExp(`${KEY}|${PASSWORD}|s-e-c-r-e-t`));
});

test.each(elsewhere)('%s is caused by another test', (reason, { heldBy, cure }) => {
  expect(readFileSync(resolve(__dirname, '../..', heldBy), 'utf8')).toContain(reason);
  expect(cureOf(reason)).toMatch(cure);
});

test('no reason is left out', () => {
  expect(Object.keys(CASES).sort()).toEqual(Object.keys(REASONS).sort());
});
