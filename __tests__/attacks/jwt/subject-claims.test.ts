/** `subject_claim`: which claim may be the subject, and that a client cannot choose a claim to become another caller. */
import { closeFronted, fronted, frontFile, type Fronted } from '../../support/fronted.js';
import { seconds } from '../../support/token-issuer.js';
import { errorsOf, warningsOf } from '../../support/loading.js';
import { askedServer, type AskedServer } from '../../tokens/introspection-server.js';
import { LONG_SECRET, signedBySecret } from '../../tokens/signing.js';

const ISSUER = 'https://id.example';
const jwt = (more: string): string =>
  `jwt: { issuer: "${ISSUER}", algorithm: HS256, secret: "${LONG_SECRET}", audience: api, ${more} }`;
const LIMITED = 'rate_limit: { enabled: true, rate: 0.001, burst: 1, key: identity }';

const payload = (claims: object | string): string =>
  `{"iss":"${ISSUER}","aud":"api","exp":${seconds() + 600},${
    typeof claims === 'string' ? claims : JSON.stringify(claims).slice(1, -1)
  }}`.replace(',}', '}');
const asking = async (at: Fronted, claims: object | string): Promise<string> =>
  at.ask({ headers: { Authorization: `Bearer ${await signedBySecret(payload(claims))}` } });

const opened = (subject: string, more = ''): Promise<Fronted> =>
  fronted(frontFile(jwt(`subject_claim: ${subject}`), '{ jwt: true }', more));

const servers: AskedServer[] = [];
afterAll(async () => {
  await closeFronted();
  await Promise.all(servers.map((each) => each.close()));
});

describe('G-11 a claim that another caller has in another claim', () => {
  test.each<[string, string, object | string]>([
    ['a number where text is first', '[id, sub]', '"id":4.5,"sub":"victim"'],
    ['null', '[id, sub]', { id: null, sub: 'victim' }],
    ['an object', '[id, sub]', { id: {}, sub: 'victim' }],
    ['a list', '[id, sub]', { id: ['victim'], sub: 'victim' }],
    ['a boolean', '[id, sub]', { id: false, sub: 'victim' }],
    ['a long text', '[id, sub]', { id: 'x'.repeat(257), sub: 'victim' }],
    ['42.0', '[id]', '"id":42.0'],
    ['4.2e1', '[id]', '"id":4.2e1'],
    ['1e2', '[id]', '"id":1e2'],
    ['1E+2', '[id]', '"id":1E+2'],
    ['-0', '[id]', '"id":-0'],
    ['a number above 2^53', '[id]', '"id":9007199254740993'],
    ['a nested 1e2', '[user.id]', '"user":{"id":1e2}'],
    ['a nested 1e2 by pointer', '[/user/id]', '"user":{"id":1e2}'],
    ['a name and a path that both exist', '[a.b]', { 'a.b': 'victim', a: { b: 'mallory' } }],
    ['a numeric sub that the file does not name', '[]', { sub: 42 }],
  ])('is rejected: %s', async (_what, subject, claims) => {
    const at = subject === '[]' ? await fronted(frontFile(jwt(''), '{ jwt: true }')) : await opened(subject);
    expect(await asking(at, claims)).toBe('401');
    expect(at.arrived()).toBeUndefined();
  });

  test.each<[string, string, object | string, string]>([
    ['the first claim', '[id, sub]', { id: 'ada', sub: 'other' }, 'ada'],
    ['the next where the first is missing', '[id, sub]', { sub: 'ada' }, 'ada'],
    ['the next where the first is empty', '[id, sub]', { id: '', sub: 'ada' }, 'ada'],
    ['one name', 'userId', { userId: 'ada' }, 'ada'],
    ['a number', '[id]', { id: 42 }, '42'],
    ['a negative number', '[id]', { id: -42 }, '-42'],
    ['zero', '[id]', { id: 0 }, '0'],
    ['a numeric sub that the file names', '[sub]', { sub: 42 }, '42'],
    ['a number beside odd numbers of other claims', '[id]', '"id":42,"score":1e2,"ratio":4.0,"v":"2.0"', '42'],
    ['a dotted path', '[user.id]', { user: { id: 'ada' } }, 'ada'],
    ['a name with a dot', '[a.b]', { 'a.b': 'ada' }, 'ada'],
    ['a pointer', '[/kubernetes.io/namespace]', { 'kubernetes.io': { namespace: 'prod' } }, 'prod'],
    ['the role of a key without a user', '[sub, role]', { role: 'anon' }, 'anon'],
    ['the name of a service token', '[sub, common_name]', { sub: '', common_name: 'svc.access' }, 'svc.access'],
    ['the default, with an empty sub', '[sub, client_id]', { sub: '', client_id: 'web' }, 'web'],
  ])('twin: passes by %s', async (_what, subject, claims, who) => {
    expect(await asking(await opened(subject), claims)).toBe(`200 jwt:${who}`);
  });

  test.each<[string, string, object, object]>([
    ['another claim', '[id, sub]', { id: 'victim' }, { sub: 'victim' }],
    ['another type', '[id]', { id: '42' }, { id: 42 }],
    ['another claim of the default', '[sub, client_id]', { sub: 'victim' }, { client_id: 'victim' }],
  ])('the same text of %s spends its own budget', async (_what, subject, victim, mallory) => {
    const at = await opened(subject, LIMITED);
    expect(await asking(at, mallory)).toMatch(/^200/);
    expect(await asking(at, mallory)).toBe('429');
    expect(await asking(at, victim)).toMatch(/^200/);
    expect(await asking(at, { ...victim, jti: 'twin: the same caller' })).toBe('429');
  });

  test('the number and the text of one claim do not share a bucket by claim', async () => {
    const at = await opened('[id]', 'rate_limit: { enabled: true, rate: 0.001, burst: 1, key: "jwt:id" }');
    expect(await asking(at, { id: 42 })).toBe('200 jwt:42');
    expect(await asking(at, { id: '42' })).toBe('200 jwt:42');
    expect(await asking(at, { id: '42' })).toBe('429');
  });
});

describe('G-11 the answer of an introspection', () => {
  const introspected = async (answer: string, options: string): Promise<Fronted> => {
    const server = await askedServer((_asked, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(`{"active":true,${answer}}`);
    });
    servers.push(server);
    const url = `introspection_url: "${server.origin}/i", client_id: loom, client_secret: s`;
    return fronted(frontFile(`oauth: { ${url}, ${options} }`, '{ oauth: true }'));
  };

  test.each([
    ['"id":1e2', '[id]'],
    ['"id":-0', '[id]'],
    ['"id":[],"sub":"victim"', '[id, sub]'],
    ['"a.b":"victim","a":{"b":"x"}', '[a.b]'],
    ['"email":"victim@x.example","email_verified":false', '[email]'],
  ])('%s is no subject', async (answer, subject) => {
    const at = await introspected(answer, `subject_claim: ${subject}`);
    // The second request has the cached answer.
    for (const authorization of ['Bearer opaque', 'bearer opaque'])
      expect(await at.ask({ headers: { Authorization: authorization } })).toBe('401');
  });

  test.each([
    ['"id":42,"sub":"other"', '[id]', '42'],
    ['"id":"","username":"ada"', '[id, username]', 'ada'],
    ['"exp":4e9,"id":7', '[id]', '7'],
  ])('twin: %s', async (answer, subject, who) => {
    const at = await introspected(answer, `subject_claim: ${subject}`);
    for (const authorization of ['Bearer opaque', 'bearer opaque'])
      expect(await at.ask({ headers: { Authorization: authorization } })).toBe(`200 oauth:${who}`);
  });
});

describe('G-12 an address that a tenant sets', () => {
  test.each<[string, object]>([
    ['is not verified', { email: 'victim@x.example', email_verified: false }],
    ['is verified in words', { email: 'victim@x.example', email_verified: 'true' }],
    ['is verified by null', { email: 'victim@x.example', email_verified: null }],
  ])('is no subject if it %s', async (_what, claims) => {
    expect(await asking(await opened('[email]'), claims)).toBe('401');
    expect(await asking(await opened('[email, sub]'), { ...claims, sub: 'mallory' })).toBe('200 jwt:mallory');
    expect(await asking(await opened('[user.email, sub]'), { user: claims, sub: 'mallory' })).toBe('200 jwt:mallory');
  });

  test('twin: is the subject if it is verified, or if nothing says that it is not', async () => {
    const at = await opened('[email]');
    expect(await asking(at, { email: 'ada@x.example', email_verified: true })).toBe('200 jwt:ada@x.example');
    expect(await asking(at, { email: 'ada@x.example' })).toBe('200 jwt:ada@x.example');
  });

  const file = (subject: string, issuer = ISSUER): string =>
    `jwt: { issuer: "${issuer}", jwks_url: "${ISSUER}/jwks", audience: api, subject_claim: ${subject} }`;

  test.each(['email', 'preferred_username', 'upn', 'name', '[sub, user.email]'])(
    'warns that %s is changeable',
    (claim) => {
      expect(warningsOf(file(claim))).toMatch(/can change/);
    },
  );

  test('twin: sub, oid and a number are not', () => {
    for (const claim of ['sub', 'oid', '[id, client_id]']) expect(warningsOf(file(claim))).not.toMatch(/can change/);
  });

  test.each([
    ['[]', /empty list/],
    ['[sub, sub]', /twice/],
    ['exp', /identifies a caller/],
    ['/a~2', /JSON pointer/],
    ['/', /JSON pointer/],
    ['{ a: b }', /./],
  ])('subject_claim: %s is an error', (claim, message) => {
    expect(errorsOf(file(claim))).toMatch(message);
  });

  test('callers that share one claim are limited by their address too', async () => {
    const file = `${frontFile(jwt('subject_claim: [sub, role]'), '{ jwt: true }', LIMITED)}\ntrusted_proxies: [127.0.0.1/32]`;
    const at = await fronted(file);
    const token = await signedBySecret(payload({ role: 'anon' }));
    const from = (address: string): Promise<string> =>
      at.ask({ headers: { Authorization: `Bearer ${token}`, 'X-Forwarded-For': address } });
    expect(await from('198.51.100.1')).toBe('200 jwt:anon');
    expect(await from('198.51.100.1')).toBe('429');
    expect(await from('198.51.100.2')).toBe('200 jwt:anon');
    // Twin: a claim of one caller counts alone, wherever the caller is.
    const own = await signedBySecret(payload({ sub: 'ada' }));
    const ada = (address: string): Promise<string> =>
      at.ask({ headers: { Authorization: `Bearer ${own}`, 'X-Forwarded-For': address } });
    expect(await ada('198.51.100.1')).toBe('200 jwt:ada');
    expect(await ada('198.51.100.2')).toBe('429');
  });
});
