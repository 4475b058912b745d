import { claimFault, timeFault, type ClaimRules } from '../../src/tokens/claims.js';
import { hasClaims, type RequiredClaims } from '../../src/tokens/claim-values.js';

const NOW = 1_800_000_000;
const RULES: ClaimRules = { leeway: 30_000, requireExp: true, tokenType: 'any', ignoreCnf: false };
const CLAIMS = { sub: 'alice', exp: NOW + 60, iat: NOW - 60, aud: 'api' };

const fault = (claims: object, rules: Partial<ClaimRules> = {}, typ?: string) =>
  claimFault({ typ, claims: { ...CLAIMS, ...claims } }, { ...RULES, ...rules });
const atTime = (claims: object, rules: Partial<ClaimRules> = {}, now = NOW) =>
  timeFault({ ...CLAIMS, ...claims }, { ...RULES, ...rules }, now * 1_000);

test('a plain token passes', () => {
  expect(fault({})).toBeUndefined();
  expect(atTime({})).toBeUndefined();
});

describe('exp', () => {
  test.each([['9999999999'], [null], [[]], [{}], [true], [''], ['tomorrow'], [Infinity], [-Infinity], [NaN]])(
    '%p is not a time',
    (exp) => {
      expect(fault({ exp })).toBe('token_claims');
      expect(fault({ exp: NOW + 0.5 })).toBeUndefined();
    },
  );

  test('is required unless the file says otherwise', () => {
    expect(fault({ exp: undefined })).toBe('token_claims');
    expect(fault({ exp: undefined }, { requireExp: false })).toBeUndefined();
    expect(atTime({ exp: undefined })).toBeUndefined();
  });

  test.each([
    [NOW + 1, undefined],
    [NOW, undefined],
    [NOW - 29, undefined],
    [NOW - 30, 'token_expired'],
    [0, 'token_expired'],
    [-1, 'token_expired'],
    [-1e308, 'token_expired'],
  ])('%p is checked with the leeway', (exp, expected) => {
    expect(atTime({ exp })).toBe(expected);
  });

  test('without a leeway a token ends at the second', () => {
    expect(atTime({ exp: NOW }, { leeway: 0 })).toBe('token_expired');
    expect(atTime({ exp: NOW + 1 }, { leeway: 0 })).toBeUndefined();
  });
});

describe.each(['nbf', 'iat'])('%s', (claim) => {
  test('may be in the future by the leeway', () => {
    expect(atTime({ [claim]: NOW + 30 })).toBeUndefined();
    expect(atTime({ [claim]: NOW + 31 })).toBe('token_not_yet_valid');
  });

  test.each([['1'], [null], [{}], [Infinity]])('%p is not a time', (value) => {
    expect(fault({ [claim]: value })).toBe('token_claims');
    expect(fault({ [claim]: undefined })).toBeUndefined();
  });
});

test('max_age counts from iat regardless of exp, and requires iat', () => {
  const rules = { maxAge: 60_000 };
  expect(atTime({ iat: NOW - 89 }, rules)).toBeUndefined();
  expect(atTime({ iat: NOW - 90 }, rules)).toBe('token_expired');
  expect(fault({ iat: undefined }, rules)).toBe('token_claims');
  expect(fault({ iat: undefined })).toBeUndefined();
});

describe('aud', () => {
  const audience = ['api', 'other'];

  test.each([['api'], ['other'], [['x', 'api']]])('%j is an accepted audience', (aud) => {
    expect(fault({ aud }, { audience })).toBeUndefined();
  });

  test.each([
    [undefined], [[]], ['api.evil'], ['API'], [' api'], ['api,x'], ['.*'], [''], [['x', 'y']],
  ])('%j is not an accepted audience', (aud) => {
    expect(fault({ aud }, { audience })).toBe('token_audience');
    expect(fault({ aud })).toBeUndefined();
  }); // prettier-ignore
});

describe('members of other types', () => {
  test.each([[null], [7], [true], [{ 0: 'api' }], [[['api']]], [['api', 7]], [['api', null]], [[{}, 'api']], [[true]]])(
    'aud %j is refused, with an audience in the file and without',
    (aud) => {
      expect(fault({ aud }, { audience: ['api'] })).toBe('token_claims');
      expect(fault({ aud })).toBe('token_claims');
    },
  );

  test.each([[null], [7], [true], [{}], [['a']]])('jti %j is refused', (jti) => {
    expect(fault({ jti })).toBe('token_claims');
  });

  test('twin: strings pass, and so does a token without them', () => {
    expect(fault({ aud: ['api', 'x'], jti: 'a' }, { audience: ['api'] })).toBeUndefined();
    expect(fault({ aud: [], jti: '' })).toBeUndefined();
    expect(fault({ aud: undefined, jti: undefined })).toBeUndefined();
  });
});

describe('the type', () => {
  test.each([[undefined], ['JWT'], ['jwt'], ['at+jwt'], ['application/at+jwt'], ['application/JWT']])(
    '%p may be an access token',
    (typ) => {
      expect(fault({}, {}, typ)).toBeUndefined();
    },
  );

  test.each([
    'logout+jwt', 'dpop+jwt', 'secevent+jwt', 'kb+jwt', 'entity-statement+jwt', '', 'JWT ', 'at+jwt\n', 'at', 'x/at+jwt',
  ])('%p is not an access token', (typ) => {
    expect(fault({}, {}, typ)).toBe('token_type');
    expect(fault({}, {}, 'JWT')).toBeUndefined();
  }); // prettier-ignore

  test('must be at+jwt if the file requires RFC 9068, and such a token has an exp', () => {
    const rules = { tokenType: 'access_token' as const, requireExp: false };
    expect(fault({}, rules, 'at+jwt')).toBeUndefined();
    expect(fault({}, rules, 'application/at+jwt')).toBeUndefined();
    expect(fault({}, rules, 'JWT')).toBe('token_type');
    expect(fault({}, rules)).toBe('token_type');
    expect(fault({ exp: undefined }, rules, 'at+jwt')).toBe('token_claims');
  });

  test.each([
    [{ at_hash: 'x' }],
    [{ c_hash: 'x' }],
    [{ events: {} }],
    [{ token_use: 'id' }],
    [{ typ: 'ID' }],
    [{ typ: 'Refresh' }],
    [{ token_use: 'refresh_token' }],
  ])('%j is not for access', (claims) => {
    expect(fault(claims)).toBe('token_type');
    expect(fault({ token_use: 'access', typ: 'Bearer', nonce: 'n' })).toBeUndefined();
  });
});

test('a bound token is refused, because its binding is not checked', () => {
  expect(fault({ cnf: { jkt: 'x' } })).toBe('token_claims');
  expect(fault({ cnf: {} })).toBe('token_claims');
  expect(fault({ cnf: { jkt: 'x' } }, { ignoreCnf: true })).toBeUndefined();
});

describe('the subject', () => {
  test.each([[1], [{}], [['alice']], [null], [true], ['a'.repeat(257)]])('%j is not a subject', (sub) => {
    expect(fault({ sub, client_id: 'web' })).toBe('subject_invalid');
    expect(fault({ sub: 'a'.repeat(256) })).toBeUndefined();
  });

  test('is the client if there is no sub, or an empty one', () => {
    expect(fault({ sub: undefined, client_id: 'web' })).toBeUndefined();
    expect(fault({ sub: '', client_id: 'web' })).toBeUndefined();
    expect(fault({ sub: '', client_id: '' })).toBe('subject_missing');
    expect(fault({ sub: undefined })).toBe('subject_missing');
    expect(fault({ sub: undefined, client_id: 7 })).toBe('subject_invalid');
  });
});

test('an iss that is not a string is refused', () => {
  expect(fault({ iss: ['https://id.example'] })).toBe('token_claims');
  expect(fault({ iss: 'https://id.example' })).toBeUndefined();
});

describe('required claims', () => {
  const claims = {
    email_verified: true,
    level: 3,
    roles: ['ops', 'dev'],
    realm_access: { roles: ['admin'] },
    'https://a.example/role': 'editor',
    nothing: null,
  };

  test.each<[RequiredClaims, boolean]>([
    [{}, true],
    [{ level: null }, true],
    [{ level: [3] }, true],
    [{ level: ['3'] }, false],
    [{ email_verified: ['true'] }, false],
    [{ email_verified: [true] }, true],
    [{ roles: ['admin', 'ops'] }, true],
    [{ roles: ['admin'] }, false],
    [{ 'realm_access.roles': ['admin'] }, true],
    [{ 'realm_access.nobody': null }, false],
    [{ 'https://a.example/role': ['editor'] }, true],
    [{ nothing: null }, false],
    [{ missing: null }, false],
    [{ 'roles.length': null }, false],
    [{ constructor: null }, false],
    [{ __proto__: null, toString: null }, false],
    [{ level: [3], missing: null }, false],
  ])('%j: %p', (required, expected) => {
    expect(hasClaims(claims, required)).toBe(expected);
  });
});
