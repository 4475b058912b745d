/** The method alone, on real requests: each decision of a plugin as a verdict, and what it receives about a connection. */
import { readFileSync } from 'node:fs';
import { request as ask } from 'node:https';
import { connect } from 'node:net';
import { configBytes, type PluginOptions } from '../../../../src/auth/methods/plugin/options.js';
import { plugin } from '../../../../src/auth/methods/plugin/plugin.js';
import { fromOurs } from '../../../../src/auth/strategy-runner.js';
import type { Verdict } from '../../../../src/auth/verdict.js';
import { makeCertificates, type Certificates } from '../../../support/certificates.js';
import { askRaw, deps, serveMethod, serveTlsMethod } from '../../../support/method-server.js';
import { AT, callback, CONTINUE, i32, made, PAUSE, type Kit } from '../../../support/wat-plugin.js';
import { askedServer, raw } from '../../../tokens/introspection-server.js';

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function open(bytes: Uint8Array, block: object = {}, calls: PluginOptions['calls'] = []) {
  const parsed = plugin.options.parse({ name: 'custom', path: 'custom.wasm', isolation: 'inline', ...block });
  const options: PluginOptions = { ...parsed, bytes, calls };
  expect(plugin.findings(options)).toEqual([]);
  const warned: string[] = [];
  const log = { ...deps.log, warn: (_facts: object, words: string) => void warned.push(words) };
  const strategy = plugin.compile(options, { ...deps, log });
  await strategy.ready;
  opened.push(() => strategy.close());
  const offering = { places: plugin.places(options), challenge: plugin.challenge(options) };
  return { options, warned, strategy, authenticate: fromOurs(strategy, offering) };
}

async function judged(bytes: Uint8Array, lines: readonly string[] = [], block: object = {}) {
  const method = await open(bytes, block);
  const server = await serveMethod(method);
  opened.push(() => server.close());
  return { ...method, verdict: await server.ask(lines) };
}

const words = (verdict: Verdict): string => ('reason' in verdict ? `${verdict.kind} ${verdict.reason}` : verdict.kind);
const answering = (status: number) => (kit: Kit) => ({ onRequest: `${kit.respond(status, 'no')} ${PAUSE}` });
const granting = (kit: Kit) => ({ onRequest: kit.grant() });

test('a caller that it names is granted', async () => {
  const { verdict } = await judged(await made(granting));
  expect(verdict).toMatchObject({ kind: 'granted', identities: [{ method: 'custom', subject: 'alice' }] });
});

test.each([
  [401, 'rejected plugin_refused'],
  [403, 'rejected plugin_refused'],
  [302, 'answered'],
  [429, 'answered'],
])('its answer %d is %s', async (status, outcome) => {
  const { verdict } = await judged(await made(answering(status)));
  expect(words(verdict)).toBe(outcome);
  expect(verdict).toMatchObject({ response: { status } });
});

test.each([
  ['a trap', () => ({ onRequest: '(unreachable)' }), 'unavailable plugin_unavailable'],
  ['a status that is none', answering(99), 'unavailable plugin_unavailable'],
  ['nobody named', () => ({}), 'rejected subject_invalid'],
])('%s grants nothing', async (_what, build, outcome) => {
  const { verdict, warned } = await judged(await made(build));
  expect(words(verdict)).toBe(outcome);
  if (outcome.startsWith('unavailable')) expect(warned).toContain('a plugin reached no decision');
});

test('without an identity it grants no identity, the client address, or nothing, as the route requires', async () => {
  const continuing = await made(() => ({}));
  const method = await open(continuing);
  const filter = await serveMethod({
    ...method,
    authenticate: (attempt) => method.authenticate({ ...attempt, identity: 'unneeded' }),
  });
  opened.push(() => filter.close());
  expect(await filter.ask()).toEqual({ kind: 'granted', identities: [] });
  const { verdict } = await judged(continuing, [], { require_identity: false });
  expect(verdict).toMatchObject({
    kind: 'granted',
    identities: [{ method: 'custom', subject: '127.0.0.1', claims: {} }],
  });
  expect(words((await judged(continuing, [], { require_identity: true })).verdict)).toBe('rejected subject_invalid');
});

test('a filter that sets an identity which no upstream can receive is refused', async () => {
  const method = await open(
    await made((kit) => ({ onRequest: `${kit.set('X-Authenticated-User', 'x'.repeat(300))} ${CONTINUE}` })),
  );
  const filter = await serveMethod({
    ...method,
    authenticate: (attempt) => method.authenticate({ ...attempt, identity: 'unneeded' }),
  });
  opened.push(() => filter.close());
  expect(words(await filter.ask())).toBe('rejected subject_invalid');
});

test.each(['inline', 'worker'])('a plugin that does not start is named, with isolation %s', async (isolation) => {
  const bytes = await made(() => ({ body: callback('proxy_on_configure', 2, i32(0)) }));
  await expect(open(bytes, { isolation })).rejects.toThrow(
    'the plugin custom does not start: on_configure refused its configuration',
  );
});

test('what it is not shown: bytes beyond ASCII, two credentials of a kind', async () => {
  const bytes = await made(granting);
  expect(words((await judged(bytes, ['X-Any: caf\xe9'])).verdict)).toBe('rejected header_not_ascii');
  const block = { credential_headers: ['X-API-Key'] };
  expect(words((await judged(bytes, ['X-API-Key: a', 'x-api-key: b'], block)).verdict)).toBe(
    'rejected credential_duplicate',
  );
  expect(words((await judged(bytes, ['X-API-Key: a', 'X-Any: cafe'], block)).verdict)).toBe('granted');
});

test('a header beside its identity headers is logged once and ignored', async () => {
  const method = await open(await made((kit) => ({ onRequest: `${kit.set('X-Other', 'a')} ${kit.grant()}` })));
  const server = await serveMethod(method);
  opened.push(() => server.close());
  for (const verdict of [await server.ask(), await server.ask()]) {
    expect(verdict).toMatchObject({ kind: 'granted', identities: [{ claims: { 'x-authenticated-user': 'alice' } }] });
  }
  expect(method.warned.filter((each) => each.includes('identity_headers'))).toHaveLength(1);
});

describe('a body', () => {
  const reading = (kit: Kit) => ({ body: callback('proxy_on_request_body', 3, kit.grant()) });
  const block = { phase: 'on_request_body', max_body: 100 };
  const sent = async (lines: readonly string[]): Promise<string> => {
    const server = await serveMethod(await open(await made(reading), block));
    opened.push(() => server.close());
    const socket = connect(server.port, '127.0.0.1');
    return words(await askRaw(socket, lines));
  };

  test('is read where it fits, and refused where it does not', async () => {
    // The body stands behind the empty line that ends the head.
    expect(await sent(['Content-Length: 4', '', 'body'])).toBe('granted');
    expect(await sent(['Content-Length: 101'])).toBe('rejected body_too_large');
  });
});

describe('a call', () => {
  const calling = (kit: Kit) => ({
    onRequest: `(drop ${kit.call('authz')}) ${PAUSE}`,
    body: callback(
      'proxy_on_http_call_response',
      5,
      `${kit.do('proxy_set_effective_context', i32(2))} ${kit.set('X-Authenticated-User', 'carol')} ${kit.do('proxy_continue_stream', i32(0))}`,
      false,
    ),
  });

  test('goes to the endpoint of its upstream, and its answer may let the request go on', async () => {
    const far = await askedServer(raw(200, 'a'));
    opened.push(() => far.close());
    const calls = [{ name: 'authz', endpoints: [{ url: far.origin, weight: 1 }] }];
    const server = await serveMethod(await open(await made(calling), { upstreams: ['authz'] }, calls));
    opened.push(() => server.close());
    expect(await server.ask()).toMatchObject({ kind: 'granted', identities: [{ subject: 'carol' }] });
    expect(far.asked.map(({ headers }) => headers.host)).toEqual(['authz.example']);
  });

  test('over TLS reaches only servers with a certificate of the authorities of its upstream', async () => {
    const office = await makeCertificates();
    opened.push(() => office.remove());
    const [cert, key, ca] = [office.server.cert, office.server.key, office.ca].map((path) =>
      readFileSync(path, 'utf8'),
    );
    const far = await serveTlsMethod(await open(await made(granting)), { cert, key });
    opened.push(() => far.close());
    const ends = { name: 'authz', endpoints: [{ url: `https://localhost:${far.port}`, weight: 1 }] };
    const statuses: string[] = [];
    for (const tls of [{ ca: ca ?? '', insecureSkipVerify: false }, { insecureSkipVerify: false }]) {
      const status = (kit: Kit) => ({
        ...calling(kit),
        body: callback(
          'proxy_on_http_call_response',
          5,
          `${kit.do('proxy_set_effective_context', i32(2))}
           (if (i32.eqz (local.get 2)) (then ${kit.respond(403)}) (else ${kit.set('X-Authenticated-User', 'carol')} ${kit.do('proxy_continue_stream', i32(0))}))`,
          false,
        ),
      });
      const method = await open(await made(status), { upstreams: ['authz'] }, [{ ...ends, tls }]);
      const server = await serveMethod(method);
      opened.push(() => server.close());
      statuses.push(words(await server.ask()));
    }
    expect(statuses).toEqual(['granted', 'rejected plugin_refused']);
  });
});

describe('what it receives about a certificate', () => {
  let certificates: Certificates;
  beforeAll(async () => (certificates = await makeCertificates()));
  afterAll(() => certificates.remove());

  const telling = (property: string) => (kit: Kit) => ({
    onRequest: `
      ${kit.do('proxy_get_property', kit.text(property.replaceAll('.', '\0')), i32(AT.pointer), i32(AT.size))}
      ${kit.do('proxy_add_header_map_value', i32(0), kit.text('X-Authenticated-User'), kit.given)} ${i32(0)}`,
  });

  test.each([
    ['connection.subject_peer_certificate', 'CN=svc-a,O=Example'],
    ['connection.dns_san_peer_certificate', 'svc-a'],
    ['connection.uri_san_peer_certificate', 'spiffe://example/svc-a'],
    ['connection.tls_version', 'TLSv1.3'],
    ['connection.requested_server_name', 'localhost'],
    ['request.scheme', 'https'],
  ])('%s', async (property, value) => {
    const read = (path: string): string => readFileSync(path, 'utf8');
    const tls = { cert: read(certificates.server.cert), key: read(certificates.server.key), ca: read(certificates.ca) };
    const server = await serveTlsMethod(await open(await made(telling(property))), { ...tls, requestCert: true });
    opened.push(() => server.close());
    const { cert, key } = certificates.client;
    const body = await new Promise<string>((resolve, reject) => {
      const to = { host: '127.0.0.1', port: server.port, servername: 'localhost', ca: tls.ca, agent: false as const };
      const outgoing = ask({ ...to, cert: read(cert), key: read(key) }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve(text));
      });
      outgoing.on('error', reject).end();
    });
    expect(JSON.parse(body)).toMatchObject({ kind: 'granted', identities: [{ subject: value }] });
  });
});

test('its configuration is bytes: a text unchanged, any other value as JSON', () => {
  expect(Buffer.from(configBytes('a: b')).toString()).toBe('a: b');
  expect(Buffer.from(configBytes({ a: 1 })).toString()).toBe('{"a":1}');
  expect(configBytes(undefined)).toHaveLength(0);
});

test('check shows what it is and what it may use', async () => {
  const { options } = await open(await made(granting));
  expect(Object.fromEntries(plugin.summary(options))).toMatchObject({
    ...{ abi: '0.2.1', isolation: 'inline', phase: 'on_request_headers', calls: 'nothing', wasi: 'nothing' },
    imports: 'proxy_replace_header_map_value',
  });
  const worker = { ...options, isolation: 'worker' as const, upstreams: ['authz'] };
  expect(Object.fromEntries(plugin.summary(worker))).toMatchObject({
    ...{ isolation: '1 of 2 threads, 50 ms a callback', calls: 'authz' },
  });
});

test('failures have a budget: guesses spend it, requests without any header that it reads do not', async () => {
  const block = { credential_headers: ['X-API-Key'], throttle: { failures: 2, per: '1m' } };
  const server = await serveMethod(await open(await made(answering(401)), block));
  opened.push(() => server.close());
  const bare = [await server.ask([]), await server.ask([]), await server.ask([])];
  expect(bare.map(words)).toEqual(Array(3).fill('rejected plugin_refused'));
  const guesses = [];
  for (const guess of ['a', 'b', 'c']) guesses.push(await server.ask([`X-API-Key: ${guess}`]));
  expect(guesses.map(words)).toEqual(['rejected plugin_refused', 'rejected plugin_refused', 'unavailable throttled']);
});
