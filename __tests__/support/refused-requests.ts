/** One or more requests for each kind of refusal, with the status and code of the response. */
import { ADMIN_BASIC, get, KEY, openGround, request, type Ground, type GroundOptions } from './attack-ground.js';
import { handshake } from './handshake.js';
import { rawToken, seconds } from './token-issuer.js';
import { raw } from '../tokens/introspection-server.js';

export interface Refused {
  readonly what: string;
  readonly status: number;
  readonly code: string;
  /** Only in the log. `undefined` if no method decided. */
  readonly reason?: string;
  readonly bytes: string;
}

/** Adds to the harness the routes on which every request below fails. */
export const openRefusingGround = async (options: GroundOptions = {}): Promise<Ground> => {
  const ground = await openGround({
    ...options,
    routes: `
  - { id: scoped, path: /scoped, upstream: backend, auth: { jwt: { required_scopes: [admin] } } }
  - { id: get, path: /get, methods: [GET], upstream: backend, auth: none }
  - { id: slow, path: /slow, upstream: backend, auth: none, rate_limit: { rate: 0.001, burst: 1 } }
  - { id: dead, path: /dead, upstream: dead, auth: none }
  - { id: both, path: /both, upstream: backend, auth: { methods: [jwt, basic, oauth] } }
${options.routes ?? ''}`,
    upstreams: `  - { name: dead, endpoints: ["127.0.0.1:1"] }`,
  });
  ground.introspection.answer = raw(500, 'down');
  // The one request that the limit allows.
  await ground.send(get('/slow', CLOSE));
  ground.arrived();
  return ground;
};

const CLOSE = 'Connection: close';
const BASIC = `Authorization: ${ADMIN_BASIC.Authorization}`;
const basic = (text: string): string => `Authorization: Basic ${Buffer.from(text).toString('base64')}`;

/** All of them. The ones that need a used-up limit come last. */
export async function refusedRequests({ issuer }: Ground): Promise<readonly Refused[]> {
  const token = `Authorization: Bearer ${await issuer.token()}`;
  const expired = `Authorization: Bearer ${await issuer.token({ exp: seconds() - 600 })}`;
  const audience = `Authorization: Bearer ${await issuer.token({ aud: 'other' })}`;
  const stranger = `Authorization: Bearer ${await issuer.token({ iss: 'https://other.example' })}`;
  const forged = `Authorization: Bearer ${rawToken({ alg: 'RS256', kid: 'of-the-page' }, { iss: issuer.origin }, 'AAAA')}`;
  const row = (what: string, [status, code, reason]: readonly [number, string, string?], bytes: string): Refused => ({
    what,
    status,
    code,
    ...(reason !== undefined && { reason }),
    bytes,
  });
  const wrong = (reason: string) => [401, 'unauthorized', reason] as const;
  const none = wrong('credential_missing');
  const twice = [400, 'invalid_request', 'credential_duplicate'] as const;
  const target = [400, 'bad_target'] as const;
  const framing = [400, 'bad_request'] as const;
  const other = 'Sec-Fetch-Site: cross-site';
  return [
    ...['/internal', '/api/v1/x', '/ops', '/oauth', '/any', '/all', '/both', '/scoped'].map((path) =>
      row(`nothing at ${path}`, none, get(path, CLOSE)),
    ),
    row('an expired token', wrong('token_expired'), get('/internal', expired, CLOSE)),
    row('a token for others', wrong('token_audience'), get('/internal', audience, CLOSE)),
    row('a token of another issuer', wrong('token_issuer'), get('/internal', stranger, CLOSE)),
    row('a forged token', wrong('token_signature'), get('/internal', forged, CLOSE)),
    row('an unknown key', wrong('credential_invalid'), get('/api/v1/x', 'X-API-Key: nobody-has-this', CLOSE)),
    row('a wrong password', wrong('credential_invalid'), get('/ops', basic('admin:wrong'), CLOSE)),
    row('an unknown user', wrong('credential_invalid'), get('/ops', basic('nobody:wrong'), CLOSE)),
    row('two keys', twice, get(`/api/v1/x?api_key=${KEY}`, `X-API-Key: ${KEY}x`, CLOSE)),
    row('two passwords', twice, get('/ops', BASIC, BASIC, CLOSE)),
    row('half of the required credentials', none, get('/all', token, CLOSE)),
    row('a scope too few', [403, 'insufficient_scope', 'insufficient_scope'], get('/scoped', token, CLOSE)),
    row(
      'another site',
      [403, 'cross_site', 'cross_site'],
      request('POST', '/ops', [BASIC, other, 'Content-Length: 0', CLOSE]),
    ),
    row(
      'introspection that fails',
      [503, 'unavailable', 'introspection_unavailable'],
      get('/oauth', 'Authorization: Bearer opaque-1', CLOSE),
    ),
    row('no route', [404, 'no_route'], get('/nowhere', CLOSE)),
    row('another spelling of a guarded path', [404, 'no_route'], get('/INTERNAL', CLOSE)),
    row('a method that the route does not allow', [405, 'method_not_allowed'], request('DELETE', '/get', [CLOSE])),
    row('TRACE', [405, 'method_not_allowed'], request('TRACE', '/public/x', [CLOSE])),
    row('CONNECT', [405, 'method_not_allowed'], 'CONNECT gw:443 HTTP/1.1\r\nHost: gw\r\n\r\n'),
    row('dots', target, get('/public/../internal', CLOSE)),
    row('an encoded slash', target, get('/public/a%2fb', CLOSE)),
    row('another authority', target, get('http://other/public', CLOSE)),
    row('an asterisk', target, request('OPTIONS', '*', [CLOSE])),
    row('no Host', framing, 'GET /public/x HTTP/1.1\r\n\r\n'),
    row('two Hosts', framing, get('/public/x', 'Host: other', CLOSE)),
    row('an unknown coding', framing, request('POST', '/public/x', ['Transfer-Encoding: gzip', CLOSE], 'x')),
    row(
      'two framings',
      framing,
      request('POST', '/public/x', ['Transfer-Encoding: chunked', 'Content-Length: 3'], '0\r\n\r\n'),
    ),
    row('Connection: Host', framing, get('/public/x', 'Connection: close, Host')),
    row('no HTTP', framing, 'hello\r\n\r\n'),
    row('a preface of HTTP/2', framing, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    row('bare line feeds', framing, 'GET / HTTP/1.1\nHost: gw\n\n'),
    row(
      'many fields',
      [431, 'too_many_headers'],
      get('/public/x', ...Array.from({ length: 120 }, (_each, at) => `X-${at}: 1`), CLOSE),
    ),
    row('a long field', [431, 'too_many_headers'], get('/public/x', `X: ${'x'.repeat(40_000)}`)),
    row('a socket without a credential', none, handshake('/internal')),
    row('a socket with a wrong one', wrong('token_expired'), handshake('/internal', expired)),
    row(
      'a socket of an old version',
      [426, 'upgrade_unsupported'],
      handshake('/public/x').replace('Version: 13', 'Version: 8'),
    ),
    row('a socket to a path without a route', [404, 'no_route'], handshake('/nowhere')),
    row('an unreachable upstream', [502, 'upstream_unreachable'], get('/dead', CLOSE)),
    row('a socket to an unreachable upstream', [502, 'upstream_unreachable'], handshake('/dead')),
    ...[1, 2, 3].map((at) => row(`request ${at} too many`, [429, 'rate_limited'], get('/slow', CLOSE))),
  ];
}
