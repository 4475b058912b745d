/** No request goes on without the identity header that its route maps from the subject. */
import { createServer, type IncomingMessage } from 'node:http';
import { pluginIdentity } from '../../src/auth/methods/plugin/identity.js';
import { mtls } from '../../src/auth/methods/mtls/mtls.js';
import { IdentityHeaders } from '../../src/admission/identity-headers.js';
import { loom } from '../../src/loom.js';
import { ask } from '../support/ask.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';
import { secretToken } from '../support/token-issuer.js';

const SECRET = 'a secret of thirty-two bytes or so';
const KEY = 'key-of-alice-123';

interface Seen {
  readonly status: number;
  readonly user?: string;
  readonly challenge?: string;
}

async function seen(auth: string, route: string, fields: Readonly<Record<string, string>>): Promise<Seen> {
  const text = `middleware: { auth: ${auth} }\nroutes: [{ path: /*, auth: ${route} }]`;
  const gate = loom({ text, file: 'loom.yaml' }, { log: quietLog() });
  await gate.ready;
  const say = (req: IncomingMessage): string => String(req.headers['x-user'] ?? 'nobody');
  const server = createServer((req, res) => gate(req, res, () => res.end(say(req))));
  const port = await listening(server);
  const { status, body, headers } = await ask({ port, headers: { ...fields, 'X-User': 'root' } });
  await closed(server);
  await gate.close();
  const challenge = headers['www-authenticate'];
  return status === 200
    ? { status, user: body }
    : { status, ...(challenge !== undefined && { challenge: String(challenge) }) };
}

const JWT = (map: string): string => `{ algorithm: HS256, secret: ${SECRET}, claims_to_headers: ${map} }`;
const KEYS = (name: string): string =>
  `{ keys: [{ key: ${KEY}, name: ${name} }], claims_to_headers: { name: X-User } }`;
const bearer = async (claims: object): Promise<Readonly<Record<string, string>>> => ({
  Authorization: `Bearer ${await secretToken(SECRET, { ...claims })}`,
});

const UNSENDABLE = ['a\ud800', '\udc00', 'a\u0000b', 'a\r\nX-Admin: 1', 'a\u007f', '\t'];

describe('a token', () => {
  test.each(UNSENDABLE)('whose subject is %j is rejected where the subject is mapped', async (sub) => {
    const answer = await seen(`{ jwt: ${JWT('{ sub: X-User }')} }`, '{ jwt: true }', await bearer({ sub }));
    expect(answer.status).toBe(401);
    expect(answer.challenge).toContain('error="invalid_token"');
  });

  test('whose client_id is the subject is judged by that', async () => {
    const auth = `{ jwt: ${JWT('{ client_id: X-User }')} }`;
    const claims = { sub: undefined, client_id: 'a\u0000' };
    expect(await seen(auth, '{ jwt: true }', await bearer(claims))).toMatchObject({ status: 401 });
    expect(await seen(auth, '{ jwt: true }', await bearer({ ...claims, client_id: 'web' }))).toEqual({
      status: 200,
      user: 'web',
    });
    // Here the subject is another claim, which no header is mapped from.
    expect(await seen(auth, '{ jwt: true }', await bearer({ ...claims, sub: 'alice' }))).toEqual({
      status: 200,
      user: 'nobody',
    });
  });

  test('is offered to no other method, and another credential of an `any` still counts', async () => {
    const auth = `{ jwt: ${JWT('{ sub: X-User }')}, api_key: ${KEYS('alice')} }`;
    const any = '{ methods: [jwt, api_key] }';
    const fields = await bearer({ sub: 'a\ud800' });
    expect(await seen(auth, any, fields)).toMatchObject({ status: 401 });
    expect(await seen(auth, any, { ...fields, 'X-API-Key': KEY })).toEqual({ status: 200, user: 'alice' });
    expect(await seen(auth, '{ require: false, methods: [jwt] }', fields)).toMatchObject({ status: 401 });
  });

  test('twin: a subject that fits in a header passes, and so does any subject if no header is mapped from it', async () => {
    const mapped = `{ jwt: ${JWT('{ sub: X-User }')} }`;
    expect(await seen(mapped, '{ jwt: true }', await bearer({ sub: 'Zoë 日本' }))).toEqual({
      status: 200,
      user: 'Zo%C3%AB %E6%97%A5%E6%9C%AC',
    });
    const other = `{ jwt: ${JWT('{ email: X-User }')} }`;
    expect(await seen(other, '{ jwt: true }', await bearer({ sub: 'a\ud800', email: 'a@b.c' }))).toEqual({
      status: 200,
      user: 'a@b.c',
    });
    expect(await seen(other, '{ jwt: true }', await bearer({ sub: 'alice', email: 'a\ud800' }))).toEqual({
      status: 200,
      user: 'nobody',
    });
  });
});

describe('another method', () => {
  test('rejects a key whose name cannot be sent in a header', async () => {
    const auth = (name: string): string => `{ api_key: ${KEYS(name)} }`;
    expect((await seen(auth('"a\\uD800"'), '{ api_key: true }', { 'X-API-Key': KEY })).status).toBe(401);
    expect(await seen(auth('alice'), '{ api_key: true }', { 'X-API-Key': KEY })).toEqual({
      status: 200,
      user: 'alice',
    });
  });

  test('mtls: a name of the certificate that is too long for a header is rejected, an empty one is none', () => {
    const rules = mtls.headers(mtls.options.parse({ claims_to_headers: { subject: 'X-User' } }));
    const headers = new IdentityHeaders(new Map([['mtls', rules]]));
    const identity = { method: 'mtls', subject: 'svc-a', scopes: [] };
    expect(headers.hasUnsendableSubject({ ...identity, claims: { subject: `CN=${'a'.repeat(5_000)}` } })).toBe(true);
    expect(headers.hasUnsendableSubject({ ...identity, claims: { subject: 'CN=svc-a' } })).toBe(false);
    expect(headers.hasUnsendableSubject({ ...identity, claims: { subject: '' } })).toBe(false);
  });

  test('basic: a user of the file whose name cannot be sent in a header', () => {
    const headers = new IdentityHeaders(new Map([['basic', [{ claim: 'username', header: 'X-User' }]]]));
    const identity = (subject: string) => ({ method: 'basic', subject, scopes: [], claims: { username: subject } });
    expect(headers.hasUnsendableSubject(identity('a\ud800'))).toBe(true);
    expect(headers.hasUnsendableSubject(identity('alice'))).toBe(false);
  });

  test('a plugin: the header that names the caller must arrive, and no other header replaces it', () => {
    const allowed = new Set(['x-user', 'x-group']);
    const named = (...set: readonly (readonly [string, string])[]) =>
      pluginIdentity('custom', { allowed, decision: { kind: 'continue', set, claims: {} } as never })?.subject;
    expect(named(['x-user', 'a\u0001'], ['x-group', 'staff'])).toBeUndefined();
    expect(named(['x-group', 'staff'], ['x-user', 'a\u0001'])).toBeUndefined();
    expect(named(['x-user', 'alice'], ['x-group', 'a\u0001'])).toBe('alice');
    expect(named(['x-group', 'staff'])).toBe('staff');
  });
});
