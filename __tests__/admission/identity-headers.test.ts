import { contextOf } from '../../src/context/request-context.js';
import type { Identity } from '../../src/auth/identity.js';
import type { HeaderRule } from '../../src/auth/header-rule.js';
import { IdentityHeaders, type RulesByMethod } from '../../src/admission/identity-headers.js';
import { claimAt } from '../../src/lib/claim-path.js';
import { setField } from '../../src/http/fields.js';
import { prepareForward } from '../../src/admission/forwarded.js';
import { createIdentityStripper } from '../../src/admission/strip-identity-headers.js';
import { getWith, judging, type Judge } from '../support/judge.js';

const SUB: HeaderRule = { claim: 'sub', header: 'X-User-ID' };
const EMAIL: HeaderRule = { claim: 'email', header: 'X-User-Email' };

const rulesOf = (...rules: readonly HeaderRule[]): RulesByMethod => new Map([['jwt', rules]]);

function alice(claims: Record<string, unknown>, more: Partial<Identity> = {}): Identity {
  return { method: 'jwt', subject: 'alice', scopes: [], claims, ...more };
}

const identityHeaders = (rules: RulesByMethod, identities: readonly Identity[]) =>
  new IdentityHeaders(rules).of(identities);
const setOf = (rules: RulesByMethod, ...identities: readonly Identity[]) => identityHeaders(rules, identities).set;

describe('the identity headers of a request', () => {
  let node: Judge;

  beforeAll(async () => {
    node = await judging();
  });

  afterAll(() => node.close());

  /** The way of every request: strip, prepare, assert; the fields that go upstream. */
  const sent = (lines: readonly string[], header: string, claims: Record<string, unknown>) =>
    node.ask(getWith(...lines), (req) => {
      createIdentityStripper([header])(contextOf(req));
      prepareForward(req, { trusted: () => false });
      for (const [name, value] of setOf(rulesOf({ claim: 'sub', header }), alice(claims))) setField(req, name, value);
      const { rawHeaders, headers, headersDistinct } = req;
      const fields = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1] ?? ''}`] : []));
      return { fields, headers, distinct: { ...headersDistinct } };
    });

  it.each(['X-User-ID', 'x-user-id', 'x-USER-id'])(
    'are set once and in every view, configured as %s',
    async (header) => {
      const forged = ['X-User-ID: admin', 'x-user-id: admin', 'X-USER-ID: admin', 'X_User_ID: admin'];
      const { fields, headers, distinct } = await sent(forged, header, { sub: 'alice' });
      expect(fields.filter((field) => /user/i.test(field))).toEqual([`${header}: alice`]);
      expect(headers['x-user-id']).toBe('alice');
      expect(distinct['x-user-id']).toEqual(['alice']);
      expect(JSON.stringify([fields, headers, distinct])).not.toContain('admin');
    },
  );

  it('are not there where the claim is missing, whatever the client sent', async () => {
    const { fields, headers } = await sent(['X-User-ID: admin'], 'X-User-ID', {});
    expect(fields.join()).not.toMatch(/user/i);
    expect(headers).not.toHaveProperty('x-user-id');
  });

  it.each([
    ['Connection: close, X-User-ID'],
    ['Connection: x-user-id'],
    ['Connection: X-USER-ID', 'Connection: keep-alive'],
    [`Connection: ${'a,'.repeat(499)}X-User-ID`],
  ])('stand whatever Connection names', async (...lines) => {
    const { fields } = await sent([...lines, 'X-User-ID: admin'], 'X-User-ID', { sub: 'alice' });
    expect(fields.filter((field) => /user|connection/i.test(field))).toEqual(['X-User-ID: alice']);
  });

  it('never carry what would end a field', async () => {
    const { fields } = await sent([], 'X-User-ID', { sub: 'a\r\nX-Admin: 1' });
    expect(fields.join()).not.toMatch(/user|admin/i);
  });
});

describe('claims', () => {
  it('are read as own properties, by dotted paths or whole names with dots', () => {
    const claims = {
      realm_access: { roles: ['a', 'b'] },
      'https://id.example/role': 'admin',
      'a.b': 'whole',
      a: { b: 'path' },
      list: [{ b: 'x' }],
      text: 'x',
      nothing: null,
    };
    const read = (claim: string) => setOf(rulesOf({ claim, header: 'X-A' }), alice(claims))[0]?.[1];
    expect(read('realm_access.roles')).toBe('a,b');
    expect(read('https://id.example/role')).toBe('admin');
    expect(read('a.b')).toBe('whole');
    for (const none of ['list.0.b', 'list.length', 'text.length', 'nothing.x', 'missing.x', 'a.c', '', '.', 'a.b.c'])
      expect(read(none)).toBeUndefined();
  });

  it('are never inherited', () => {
    const claims = JSON.parse('{"__proto__":{"sub":"admin"},"user":{}}') as Record<string, unknown>;
    for (const claim of [
      '__proto__',
      'constructor',
      'constructor.name',
      'toString',
      'user.__proto__',
      'sub',
      'user.sub',
    ]) {
      expect(setOf(rulesOf({ claim, header: 'X-A' }), alice(claims))).toEqual([]);
    }
    expect(({} as Record<string, unknown>)['sub']).toBeUndefined();
    expect(claimAt(claims, 'user.constructor')).toBeUndefined();
    const heir = Object.create({ sub: 'admin', user: { sub: 'admin' } }) as Record<string, unknown>;
    const own = { user: Object.create({ sub: 'admin' }) as Record<string, unknown> };
    for (const inherited of [heir, own]) {
      expect(claimAt(inherited, 'sub')).toBeUndefined();
      expect(claimAt(inherited, 'user.sub')).toBeUndefined();
    }
    expect(claimAt({ a: { b: 1 } }, 'a.b')).toBe(1);
  });

  it.each([
    [{ email: 'a@b.c' }, 'a@b.c'],
    [{ email: 'a@b.c', email_verified: true }, 'a@b.c'],
    [{ email: 'a@b.c', email_verified: false }, undefined],
    [{ email: 'a@b.c', email_verified: 'true' }, undefined],
    [{ email: 'a@b.c', email_verified: null }, undefined],
  ])('of %j give the address %s', (claims, value) => {
    const { set, omitted } = identityHeaders(rulesOf(EMAIL), [alice(claims)]);
    expect(set).toEqual(value === undefined ? [] : [['X-User-Email', value]]);
    expect(omitted).toEqual(value === undefined ? [{ header: 'X-User-Email', claim: 'email', why: 'unverified' }] : []);
  });

  it('doubt an address where it stands, and nothing else', () => {
    const rules = rulesOf({ claim: 'profile.email', header: 'X-A' }, { claim: 'sub', header: 'X-B' });
    const claims = { sub: 's', profile: { email: 'a@b.c', email_verified: false }, email_verified: true };
    expect(setOf(rules, alice(claims))).toEqual([['X-B', 's']]);
    expect(setOf(rules, alice({ ...claims, profile: { email: 'a@b.c' }, email_verified: false }))).toHaveLength(2);
  });

  it('that set no header are reported for the log, without their value', () => {
    const rules = rulesOf(SUB, EMAIL, { claim: 'groups', header: 'X-Groups' });
    const { omitted } = identityHeaders(rules, [alice({ sub: 'secret\n', groups: ['secret,admin'] })]);
    expect(omitted).toEqual([
      { header: 'X-User-ID', claim: 'sub', why: 'control' },
      { header: 'X-User-Email', claim: 'email', why: 'missing' },
      { header: 'X-Groups', claim: 'groups', why: 'separator' },
    ]);
    expect(JSON.stringify(omitted)).not.toContain('secret');
  });
});

describe('the rules of an issuer', () => {
  const own: HeaderRule = { claim: 'uid', header: 'X-User-ID', issuer: 'https://b' };

  it('replace the common rules, for the identities of this issuer only', () => {
    const claims = { sub: 's', uid: 'u', email: 'a@b.c' };
    const rules = rulesOf(SUB, EMAIL, own);
    expect(setOf(rules, alice(claims, { issuer: 'https://b' }))).toEqual([['X-User-ID', 'u']]);
    const common = [
      ['X-User-ID', 's'],
      ['X-User-Email', 'a@b.c'],
    ];
    expect(setOf(rules, alice(claims, { issuer: 'https://a' }))).toEqual(common);
    expect(setOf(rules, alice(claims))).toEqual(common);
  });
});

describe('several identities', () => {
  const rules: RulesByMethod = new Map([
    ['jwt', [SUB, EMAIL]],
    ['api_key', [{ claim: 'name', header: 'x_user.id' }]],
  ]);
  const key = (name: string) => alice({ name }, { method: 'api_key' });

  it('that agree on a header set it once, as the first spells it', () => {
    expect(setOf(rules, alice({ sub: 'alice' }), key('alice'))).toEqual([['X-User-ID', 'alice']]);
    expect(setOf(rules, key('alice'), alice({ sub: 'alice' }))).toEqual([['x_user.id', 'alice']]);
  });

  it('that differ on a header set nothing and conflict', () => {
    const answer = identityHeaders(rules, [alice({ sub: 'alice', email: 'a@b.c' }), key('bob')]);
    expect(answer).toMatchObject({ conflict: 'x_user.id', set: [] });
    expect(identityHeaders(rules, [alice({ sub: 'alice' }), key('alice')]).conflict).toBeUndefined();
  });

  it('fill each other’s gaps, and one of a method without rules sets nothing', () => {
    expect(setOf(rules, alice({ email: 'a@b.c' }), key('bob'), alice({ sub: 'x' }, { method: 'mtls' }))).toEqual([
      ['X-User-Email', 'a@b.c'],
      ['x_user.id', 'bob'],
    ]);
    expect(identityHeaders(rules, [])).toEqual({ set: [], omitted: [] });
  });
});
