/** The edits of headers and claims in differential tests, and the arbitrary of whole recipes. */
import fc from 'fast-check';
import { ALGORITHMS } from '../../src/tokens/algorithms.js';
import { ISSUER, kidOf, NOW } from './differential-judges.js';
import {
  PLAIN, rarely, SPELLING_NAMES, WRITING_NAMES, type Edit, type Recipe, type Spelling, type Tampering, type Writing,
} from './differential-recipes.js'; // prettier-ignore

const texts = (...values: readonly unknown[]): readonly string[] => values.map((value) => JSON.stringify(value));
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

const ODD = [
  ...texts(null, true, false, 7, 0, -1, '', ' ', 'x', [], {}, [null], { a: 1 }, ['x']),
  '1e400',
  '-1e400',
  '-0',
  '1E2',
  '0.1',
  '9007199254740993',
  'NaN',
  '01',
  '+1',
  '"\\ud800"',
  '"\\u0000"',
  '"a\u0000b"',
  nested(20),
  nested(31),
  nested(32),
  nested(40),
];

const TIMES = [
  ...[-1e9, -3_632, -3_631, -3_630, -3_629, -3_600, -600, -31, -30.5, -30, -29.5, -29, -1, -0.5, 0, 0.5, 1, 29, 29.5, 30, 30.5, 31, 600, 1e9].map((more) => JSON.stringify(NOW + more)),
  ...texts(String(NOW + 600), (NOW + 600) * 1_000, [NOW + 600]),
  '18000006e2', '1.8000006e9', '1e308', '-1e308', '1e-400', ...ODD,
]; // prettier-ignore

const HEADER: Readonly<Record<string, readonly string[]>> = {
  alg: texts(
    ...ALGORITHMS,
    'none',
    'None',
    'hs256',
    'HS256 ',
    'ES256K',
    'RS1',
    'EdDSA\u0000',
    'Ed25519',
    ['HS256'],
    null,
    7,
  ),
  kid: texts(...ALGORITHMS.map(kidOf), 'nobody', '', '__proto__', '../key', 7, null, {}, ['x']),
  typ: texts(
    'JWT',
    'jwt',
    'at+jwt',
    'AT+JWT',
    'application/at+jwt',
    'application/jwt',
    'application/at+jwt; x=y',
    'logout+jwt',
    'dpop+jwt',
    'JOSE',
    '',
    ' JWT',
    7,
    null,
    ['JWT'],
  ),
  cty: texts('JWT', 'jwt', 'application/jwt', 'application/json', 'json', '', 7, null),
  crit: texts([], ['b64'], ['exp'], ['alg'], ['b64', 'b64'], 'b64', null, [7]),
  b64: texts(true, false, 'false', null, 0),
  enc: texts('A128GCM'),
  zip: texts('DEF'),
  jwk: texts({ kty: 'oct', k: 'AAAA' }, null),
  jku: texts('http://127.0.0.1:9/keys'),
  x5c: texts(['AAAA'], []),
  __proto__x: ODD,
  ['__proto__']: texts({ alg: 'none' }, { crit: ['x'] }, null),
  x: ODD,
};

const CLAIM: Readonly<Record<string, readonly string[]>> = {
  iss: texts(
    ISSUER,
    `${ISSUER}/`,
    ISSUER.toUpperCase(),
    `${ISSUER}.evil`,
    `${ISSUER} `,
    [ISSUER],
    { 0: ISSUER },
    null,
    7,
    '',
  ),
  aud: texts(
    'api',
    'other api',
    ['api'],
    ['x', 'api'],
    ['api', 7],
    [7, null],
    [['api']],
    { 0: 'api' },
    'API',
    ' api',
    'api ',
    'ap',
    'api,other api',
    'api.evil',
    '',
    [],
    null,
    7,
    Array(500).fill('x'),
  ),
  sub: [
    ...texts('alice', 'ålice', '日本', '\u200b', ' ', '', 'x'.repeat(256), 'x'.repeat(257), 7, null, true, ['alice'], {
      a: 1,
    }),
    '"\\ud800"',
    '"\\u0061lice"',
  ],
  client_id: texts('app', '', 7, null),
  exp: TIMES,
  nbf: TIMES,
  iat: TIMES,
  cnf: texts({}, null, { jkt: 'x' }, { 'x5t#S256': 'x' }, 7, false),
  at_hash: texts('x', null),
  c_hash: texts('x'),
  events: texts({}),
  nonce: texts('x'),
  token_use: texts('id', 'access', 'refresh', 'ID', 7),
  typ: texts('ID', 'Refresh', 'Bearer', 'offline', 7),
  scope: texts('read write', ['read'], 7, null),
  ['__proto__']: texts({ sub: 'root' }, null),
  constructor: texts({ name: 'x' }),
  x: ODD,
  large: [6_000, 7_900, 7_960, 8_000, 8_200].map((size) => JSON.stringify('x'.repeat((size * 3) / 4 - 300))),
};

function edits(pool: Readonly<Record<string, readonly string[]>>): fc.Arbitrary<readonly Edit[]> {
  const [names, all] = [Object.keys(pool), Object.entries(pool)];
  const valued = fc
    .constantFrom(...all)
    .chain(([name, values]) => fc.record({ name: fc.constant(name), value: fc.constantFrom(...values) }));
  const free = fc.record({
    name: fc.oneof(fc.constantFrom(...names), fc.string({ maxLength: 8 })),
    value: fc.json({ maxDepth: 3 }),
  });
  const kind = fc.oneof(
    { weight: 6, arbitrary: fc.constant('set' as const) },
    { weight: 1, arbitrary: fc.constantFrom('again' as const, 'first' as const) },
  );
  const change = fc
    .tuple(kind, fc.oneof({ weight: 5, arbitrary: valued }, { weight: 1, arbitrary: free }))
    .map(([how, what]): Edit => ({ kind: how, ...what }));
  const removal = fc.record({
    kind: fc.constantFrom('drop' as const, 'escape' as const),
    name: fc.constantFrom(...names),
  });
  return rarely<readonly Edit[]>(
    [],
    fc.array(fc.oneof({ weight: 5, arbitrary: change }, { weight: 1, arbitrary: removal }), {
      minLength: 1,
      maxLength: 3,
    }),
    1,
  );
}

const writing = rarely<Writing>('plain', fc.constantFrom(...WRITING_NAMES), 12);
const spelling = rarely<Spelling>('plain', fc.constantFrom(...SPELLING_NAMES), 12);
const tampering = rarely<Tampering>(
  { kind: 'none' },
  fc.oneof(
    fc.record({ kind: fc.constant('bit' as const), at: fc.nat(8_191) }),
    fc
      .constantFrom('empty', 'zeros', 'ones', 'DER', 'swapped', 'zero before', 'zero behind', 'short', 'first gone')
      .map((kind) => ({ kind })),
  ),
);

/** Most recipes change one or two things, because a token with many faults is refused for the first one. */
export const recipes: fc.Arbitrary<Recipe> = fc
  .record({
    alg: fc.nat(12),
    anyAlg: rarely(false, fc.constant(true)),
    signer: rarely<Recipe['signer']>('own', fc.constantFrom('stranger', 'public key as secret'), 12),
    header: edits(HEADER),
    claims: edits(CLAIM),
    write: fc.tuple(writing, writing),
    spell: fc.tuple(spelling, spelling, spelling),
    signature: tampering,
  })
  .map((recipe): Recipe => ({ ...PLAIN, ...recipe }));
