import { jwt } from '../../../../src/auth/methods/jwt/jwt.js';
import type { Granted } from '../../../../src/auth/verdict.js';
import { askedServer, json, type Answer, type AskedServer } from '../../../tokens/introspection-server.js';
import { base64url, signed, signingKey, type SigningKey } from '../../../tokens/signing.js';
import { atWork, serveMethod, type MethodServer } from '../../../support/method-server.js';
import { quietLog } from '../../../support/quiet-log.js';

const keys = { k1: signingKey('RS256'), k2: signingKey('ES256'), stranger: signingKey('RS256') };
const setOf = (...names: (keyof typeof keys)[]): Answer =>
  json({ keys: names.map((kid) => ({ ...keys[kid].jwk, kid, use: 'sig' })) });
const down: Answer = (_asked, response) => void response.destroy();

let issuer: AskedServer;
beforeEach(async () => {
  issuer = await askedServer(setOf('k1'));
});

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
  await issuer.close();
});

let clock = Date.now();
beforeEach(() => (clock = Date.now()));

interface Gateway extends MethodServer {
  readonly log: ReturnType<typeof quietLog>;
  readonly ready: Promise<void>;
}

async function gateway(block: object = {}): Promise<Gateway> {
  const log = quietLog();
  const given = { issuer: issuer.origin, jwks_url: `${issuer.origin}/keys`, ...block };
  const method = atWork(jwt, given, { log, now: () => clock });
  const server = await serveMethod(method);
  open.push(server, method.strategy);
  return { ...server, log, ready: method.strategy.ready };
}

const EXP = Math.floor(Date.now() / 1_000) + 86_400;
const token = (key: SigningKey, kid?: string, claims: object = {}) =>
  signed(
    { iss: issuer.origin, sub: 'alice', exp: EXP, ...claims },
    { alg: key.alg, key: key.privateKey, header: kid === undefined ? {} : { kid } },
  );
const bearer = (text: string) => [`Authorization: Bearer ${text}`];
const paths = () => issuer.asked.map(({ url }) => url);
const granted = { kind: 'granted', identities: [{ subject: 'alice' }] };
const rejected = (reason: string) => ({ kind: 'rejected', status: 401, reason });

test('requests before the set is there wait for the one fetch', async () => {
  const server = await gateway();
  const line = bearer(await token(keys.k1, 'k1'));
  const verdicts = await Promise.all(Array.from({ length: 50 }, () => server.ask(line)));
  for (const verdict of verdicts) expect(verdict).toMatchObject(granted);
  expect(paths()).toEqual(['/keys']);
});

test('a forged token with an unknown kid and no signature is rejected without a request, and the process lives', async () => {
  const server = await gateway();
  await server.ready;
  const header = base64url({ alg: 'RS256', kid: 'made-up' });
  const forged = `${header}.${base64url({ iss: issuer.origin, sub: 'admin', exp: EXP })}.`;
  expect(await server.ask(bearer(forged))).toMatchObject(rejected('token_signature'));
  expect(await server.ask(bearer(`${forged}AAAA`))).toMatchObject(rejected('token_signature'));
  expect(paths()).toEqual(['/keys']);
  expect(await server.ask(bearer(await token(keys.k1, 'k1')))).toMatchObject(granted);
});

test('forged tokens with a hundred kids make us ask once', async () => {
  const server = await gateway();
  await server.ready;
  const forged = await Promise.all(Array.from({ length: 100 }, (_, i) => token(keys.stranger, `made-up-${i}`)));
  const verdicts = await Promise.all(forged.map((each) => server.ask(bearer(each))));
  for (const verdict of verdicts) expect(verdict).toMatchObject(rejected('token_unknown_key'));
  expect(paths()).toEqual(['/keys', '/keys']);
  expect(await server.ask(bearer(await token(keys.k1, 'k1')))).toMatchObject(granted);
  expect(await server.ask(bearer(await token(keys.stranger, 'k1')))).toMatchObject(rejected('token_signature'));
});

test('a key that the issuer just rotated in is found at once', async () => {
  const server = await gateway();
  await server.ready;
  issuer.answer = setOf('k1', 'k2');
  expect(await server.ask(bearer(await token(keys.k2, 'k2')))).toMatchObject(granted);
  expect(await server.ask(bearer(await token(keys.k1, 'k1')))).toMatchObject(granted);
});

test('a token that was remembered dies with its key, whatever kid its successor has', async () => {
  const server = await gateway();
  const line = bearer(await token(keys.k1, 'k1'));
  expect(await server.ask(line)).toMatchObject(granted);
  issuer.answer = json({ keys: [{ ...keys.stranger.jwk, kid: 'k1' }] });
  expect(await server.ask(line)).toMatchObject(granted);
  clock += 600_000;
  expect(await server.ask(line)).toMatchObject(rejected('token_signature'));
  expect(await server.ask(bearer(await token(keys.stranger, 'k1')))).toMatchObject(granted);
});

test('old keys serve through an outage, which is logged without the URL', async () => {
  const server = await gateway();
  await server.ready;
  issuer.answer = down;
  clock += 900_000;
  expect(await server.ask(bearer(await token(keys.k1, 'k1')))).toMatchObject(granted);
  const [line] = server.log.entries;
  expect(line).toMatchObject({ level: 'warn', facts: { method: 'jwt' }, words: 'key set not loaded' });
  expect(JSON.stringify(line)).not.toContain('/keys');
  clock += 3_600_000;
  expect(await server.ask(bearer(await token(keys.k1, 'k1')))).toMatchObject({ reason: 'key_set_unavailable' });
});

test.each<[string, Answer]>([
  ['is down', down],
  ['has no usable key', json({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] })],
  ['answers 500', json({}, 500)],
])('while the issuer %s a token is neither right nor wrong', async (_what, answer) => {
  issuer.answer = answer;
  const server = await gateway();
  await server.ready;
  const before = issuer.asked.length;
  const line = bearer(await token(keys.k1, 'k1'));
  const verdicts = await Promise.all(Array.from({ length: 20 }, () => server.ask(line)));
  for (const verdict of verdicts) expect(verdict).toMatchObject({ kind: 'unavailable', reason: 'key_set_unavailable' });
  // The timer's own tries aside, no request made one.
  expect(issuer.asked.length - before).toBeLessThan(verdicts.length);
  issuer.answer = setOf('k1');
  const patience = Date.now() + 30_000;
  let verdict = await server.ask(line);
  while (verdict.kind !== 'granted' && Date.now() < patience) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    verdict = await server.ask(line);
  }
  expect(verdict).toMatchObject(granted);
});

test('a token of an unknown issuer causes no request', async () => {
  const server = await gateway();
  await server.ready;
  const canary = await askedServer(setOf('stranger'));
  open.push(canary);
  const header = { kid: 'x', jku: `${canary.origin}/jku`, x5u: `${canary.origin}/x5u`, jwk: keys.stranger.jwk };
  const sign = (iss: string) =>
    signed({ iss, sub: 'admin', exp: EXP }, { alg: 'RS256', key: keys.stranger.privateKey, header });
  expect(await server.ask(bearer(await sign(canary.origin)))).toMatchObject(rejected('token_issuer'));
  expect(await server.ask(bearer(await sign(issuer.origin)))).toMatchObject(rejected('token_unknown_key'));
  expect(canary.asked).toEqual([]);
});

test('a token without a kid is tried with the keys that fit it', async () => {
  issuer.answer = json({ keys: [keys.stranger.jwk, keys.k2.jwk, keys.k1.jwk] });
  const server = await gateway();
  expect(await server.ask(bearer(await token(keys.k1)))).toMatchObject(granted);
  expect(await server.ask(bearer(await token(keys.k2)))).toMatchObject(granted);
  expect(await server.ask(bearer(await token(signingKey('ES256'))))).toMatchObject(rejected('token_signature'));
});

test('without a jwks_url the set is discovered at the issuer', async () => {
  issuer.answer = (asked, response) =>
    asked.url === '/.well-known/openid-configuration'
      ? json({ issuer: issuer.origin, jwks_uri: `${issuer.origin}/found` })(asked, response)
      : setOf('k1')(asked, response);
  const server = await gateway({ jwks_url: undefined });
  expect(await server.ask(bearer(await token(keys.k1, 'k1')))).toMatchObject(granted);
  expect(paths()).toEqual(['/.well-known/openid-configuration', '/found']);
});

test('a discovery document of another issuer counts for nothing', async () => {
  issuer.answer = (asked, response) =>
    asked.url === '/.well-known/openid-configuration'
      ? json({ issuer: 'https://evil.example', jwks_uri: `${issuer.origin}/found` })(asked, response)
      : setOf('k1')(asked, response);
  const server = await gateway({ jwks_url: undefined });
  await server.ready;
  expect(await server.ask(bearer(await token(keys.k1, 'k1')))).toMatchObject({
    kind: 'unavailable',
    cause: expect.stringContaining('another issuer') as string,
  });
  expect(paths()).not.toContain('/found');
});

test('each issuer is believed with the keys of its own set', async () => {
  const other = await askedServer(json({ keys: [{ ...keys.stranger.jwk, kid: 'k1' }] }));
  open.push(other);
  const server = await gateway({
    issuer: undefined,
    jwks_url: undefined,
    issuers: [
      { issuer: issuer.origin, jwks_url: `${issuer.origin}/keys` },
      { issuer: other.origin, jwks_url: `${other.origin}/keys` },
    ],
  });
  const ask = async (key: SigningKey, iss: string) => server.ask(bearer(await token(key, 'k1', { iss })));
  expect(((await ask(keys.stranger, other.origin)) as Granted).identities).toMatchObject([{ issuer: other.origin }]);
  expect(await ask(keys.k1, issuer.origin)).toMatchObject(granted);
  expect(await ask(keys.stranger, issuer.origin)).toMatchObject(rejected('token_signature'));
  expect(await ask(keys.k1, other.origin)).toMatchObject(rejected('token_signature'));
});
