/** The options that decide who may pass. A route is open only if the file says so explicitly. */
import { describe as inWords, type Requirement } from '../../../src/auth/requirement.js';
import { ConfigError } from '../../../src/config/diagnostics.js';
import { API_KEY, compile, errorsOf, JWT } from '../../config/files.js';

const METHODS = `jwt: ${JWT}, api_key: ${API_KEY}`;
/** The tested route beside one that uses all methods. */
const fileWith = (auth: string, global = METHODS): string => `
middleware: { auth: { ${global} } }
routes:
  - { id: a, path: /a, auth: ${auth} }
  - { id: b, path: /b, auth: { methods: [jwt, api_key] } }
`;
const CHAIN = `${METHODS}, chain: [jwt, api_key], require_any: true`;

/** The requirement of the first route, or `undefined` if the file does not load. */
function requirementOf(text: string): Requirement | undefined {
  try {
    return compile(text).plan.routes[0]?.requirement;
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
const wordsOf = (text: string): string | undefined => {
  const requirement = requirementOf(text);
  return requirement && inWords(requirement);
};

describe('CHN-03 how many of a chain must grant is explicit', () => {
  test.each([
    'chain: [jwt, api_key]',
    'chain: [jwt, api_key], require_any: null',
    'chain: [jwt, api_key], require_any: "false"',
    'chain: [jwt, api_key], require_any: no',
    'chain: [jwt, api_key], require_any: 1',
    'chain: [jwt, api_key], require_any: []',
    'chain: []',
    'chain: null',
    'chain: jwt',
    'chain: [jwt, jwt], require_any: true',
    'chain: [jwt, jwtt], require_any: true',
    'chain: [jwt, oauth], require_any: true',
    'require_any: true',
  ])('%s does not load', (chain) => {
    expect(errorsOf(fileWith('none', `${METHODS}, ${chain}`))).not.toEqual([]);
  });

  test.each([
    '{ jwt: true, api_key: true }',
    '{ methods: [jwt, api_key], require_any: "no" }',
    '{ jwt: true, api_key: true, require_any: null }',
  ])('auth: %s does not load', (auth) => {
    expect(errorsOf(fileWith(auth))).not.toEqual([]);
  });

  test('twin: an explicit value is used', () => {
    const chained = (chain: string) => wordsOf(fileWith('{ require: true }', `${METHODS}, ${chain}`));
    expect(chained('chain: [jwt, api_key], require_any: true')).toBe('jwt or api_key');
    expect(chained('chain: [jwt, api_key], require_any: false')).toBe('jwt and api_key');
    expect(chained('chain: [jwt]')).toBe('jwt');
  });
});

const OPENS_NOTHING = [
  ...[
    '{}',
    'null',
    '',
    '~',
    'false',
    'true',
    '[]',
    '""',
    '[jwt]',
    'jwt',
    'open',
    'public',
    'None',
    'NONE',
    '"none "',
    '0',
    '[none]',
    '{ none: true }',
  ],
  ...[
    '{ jwt: false }',
    '{ jwt: null }',
    '{ jwt: "true" }',
    '{ jwt: [] }',
    '{ jwt: 1 }',
    '{ jwtt: true }',
    '{ JWT: true }',
    '{ jwt: none }',
  ],
  ...[
    '{ methods: [] }',
    '{ methods: null }',
    '{ methods: jwt }',
    '{ methods: [jwtt] }',
    '{ methods: [none] }',
    '{ methods: [jwt, jwt] }',
    '{ methods: {} }',
  ],
  ...[
    '{ methods: [[jwt]] }',
    '{ methods: [null] }',
    '{ methods: [""] }',
    '{ methods: [jwt], jwt: true }',
    '{ methods: [jwt], api_key: false }',
  ],
  ...[
    '{ require: true, api_key: false }',
    '{ require: true, methods: [] }',
    '{ require: null }',
    '{ require: "false" }',
    '{ require: no }',
    '{ require: 0 }',
  ],
  ...[
    '{ require: false, methods: [] }',
    '{ require: false, methods: null }',
    '{ require: false, jwt: false }',
    '{ require: false, jwt: null }',
    '{ require: false, jwtt: true }',
  ],
  ...[
    '{ required: false }',
    '{ Require: false }',
    '{ enabled: false }',
    '{ require_any: true }',
    '{ on_invalid: stop }',
    '{ narrow: {} }',
  ],
];

describe('CHN-06 only `auth: none` and `require: false` open a route', () => {
  test.each(OPENS_NOTHING)('auth: %s does not load', (auth) => {
    expect(errorsOf(fileWith(auth))).not.toEqual([]);
    expect(errorsOf(fileWith(auth, CHAIN))).not.toEqual([]);
  });

  test('auth: { require: true } is the chain, the only method, or an error', () => {
    expect(errorsOf(fileWith('{ require: true }'))).not.toEqual([]);
    expect(wordsOf(fileWith('{ require: true }', CHAIN))).toBe('jwt or api_key');
    expect(wordsOf(`middleware: { auth: { jwt: ${JWT} } }\nroutes: [{ path: /a, auth: { require: true } }]`)).toBe(
      'jwt',
    );
  });

  test('none of 1,260 combinations opens a route by an omission', () => {
    const values = {
      jwt: [undefined, true, false, null, {}, [], 'true'],
      require: [undefined, true, false, null, 'false'],
      methods: [undefined, [], ['jwt'], ['jwtt'], 'jwt', null],
      require_any: [undefined, true, false],
      narrow: [undefined, {}],
    };
    const combinations = Object.entries(values).reduce<object[]>(
      (made, [name, list]) =>
        made.flatMap((one) => list.map((value) => (value === undefined ? one : { ...one, [name]: value }))),
      [{}],
    );
    const kinds = combinations.map((auth) => requirementOf(fileWith(JSON.stringify(auth)))?.kind);
    const of = (kind: Requirement['kind']) => combinations.filter((_auth, at) => kinds[at] === kind);
    expect(combinations).toHaveLength(1_260);
    expect(of('open')).toEqual([{ require: false }]);
    expect(of('optional').length).toBeGreaterThan(0);
    for (const auth of of('optional')) expect(auth).toMatchObject({ require: false });
  });

  test('twin: the two forms that open it do', () => {
    for (const auth of ['none', '"none"', '{ require: false }']) {
      expect(wordsOf(fileWith(auth))).toBe('PUBLIC');
      expect(wordsOf(fileWith(auth, CHAIN))).toBe('PUBLIC');
    }
  });
});

describe('CHN-07 a missing method protects nothing, so the file does not load', () => {
  const off = `jwt: { enabled: false, issuer: "https://id.example", jwks_url: "https://id.example/k" }, api_key: ${API_KEY}`;
  test.each([
    ['disabled', '{ jwt: true }', off],
    ['disabled, in a list', '{ methods: [api_key, jwt] }', off],
    ['disabled, in all', '{ methods: [api_key, jwt], require_any: false }', off],
    ['disabled, optional', '{ jwt: true, require: false }', off],
    ['disabled, in the chain', '{ require: true }', `${off}, chain: [api_key, jwt], require_any: true`],
    ['absent', '{ jwt: true }', `api_key: ${API_KEY}`],
    ['absent, in a list', '{ methods: [api_key, jwt] }', `api_key: ${API_KEY}`],
    ['absent, narrowed', '{ methods: [api_key], narrow: { jwt: { required_scopes: [a] } } }', `api_key: ${API_KEY}`],
    ['an unknown plugin', '{ plugin: jwt }', `api_key: ${API_KEY}`],
    ['of the host, which has no such method', '{ methods: [saml] }', `api_key: ${API_KEY}`],
    ['of no authority', '{ mtls: true }', `api_key: ${API_KEY}`],
  ])('%s', (_what, auth, global) => {
    const text = fileWith(auth, global).replace('[jwt, api_key] }\n', '[api_key] }\n');
    expect(errorsOf(text)[0]?.path).toMatch(/^(?:routes\[0\]\.auth|middleware\.auth\.chain)/);
  });

  test('twin: enabled, it loads and protects', () => {
    expect(wordsOf(fileWith('{ jwt: true }'))).toBe('jwt');
    expect(wordsOf(fileWith('{ jwt: true }', METHODS.replace('{issuer', '{enabled: true, issuer')))).toBe('jwt');
  });
});
