import { constants, createHmac, createPublicKey, createSecretKey, randomBytes, sign } from 'node:crypto';
import fc from 'fast-check';
import { ALGORITHMS, familyOf, type Algorithm } from '../../src/tokens/algorithms.js';
import { StaticKey, type KeySource } from '../../src/tokens/key-source.js';
import { TokenVerifier, type TokenPolicy } from '../../src/tokens/token-verifier.js';
import { keyFromSecret, keyFromText } from '../../src/tokens/verification-key.js';
import { base64url, LONG_SECRET, signed, signedBySecret, signingKey } from './signing.js';
import { cases } from '../support/fast-check-runs.js';

const START = 1_800_000_000;
let clock = START;
beforeEach(() => (clock = START));

const CLAIMS = { iss: 'https://id.example', sub: 'alice', aud: 'api', exp: START + 600, iat: START };
const RULES = { leeway: 30_000, requireExp: true, tokenType: 'any' as const, maxTokenSize: 12_000, ignoreCnf: false };

const verifier = (...policies: (Partial<TokenPolicy> & { keys: KeySource })[]) =>
  new TokenVerifier(
    policies.map((each) => ({ ...RULES, issuer: CLAIMS.iss, algorithms: ALGORITHMS, ...each })),
    { now: () => clock * 1_000 },
  );
const bySecret = (given: Partial<TokenPolicy> = {}) =>
  verifier({ keys: new StaticKey(keyFromSecret(LONG_SECRET)), ...given });
const outcomeOf = async (at: TokenVerifier<TokenPolicy>, token: string) => {
  const outcome = await at.verify(token);
  return outcome.kind === 'rejected' ? outcome.reason : outcome.kind;
};

const keys = new Map(
  ALGORITHMS.filter((alg) => familyOf(alg) !== 'HS').map((alg) => [alg, signingKey(alg as 'RS256')]),
);
const signerOf = (alg: Algorithm) => keys.get(alg)?.privateKey ?? createSecretKey(Buffer.from(LONG_SECRET));
const keyOf = (alg: Algorithm) => {
  const pair = keys.get(alg);
  return new StaticKey(pair ? keyFromText(pair.pem) : keyFromSecret(LONG_SECRET));
};

describe.each(ALGORITHMS)('%s', (alg) => {
  const at = verifier({ keys: keyOf(alg), algorithms: [alg] });
  const token = signed(CLAIMS, { alg, key: signerOf(alg), header: { typ: 'JWT', kid: 'whatever' } });

  test('verifies what jose signed', async () => {
    expect(at.verify(await token)).toMatchObject({ kind: 'verified', claims: CLAIMS });
  });

  test('refuses another payload, a changed signature, a cut one and an empty one', async () => {
    const [header, payload, signature = ''] = (await token).split('.') as [string, string, string];
    const bytes = Buffer.from(signature, 'base64url');
    bytes.writeUInt8(bytes.readUInt8(0) ^ 1);
    const forged = [
      `${header}.${base64url({ ...CLAIMS, sub: 'admin' })}.${signature}`,
      `${header}.${payload}.${bytes.toString('base64url')}`,
      `${header}.${payload}.${bytes.subarray(1).toString('base64url')}`,
      `${header}.${payload}.${Buffer.alloc(bytes.length).toString('base64url')}`,
      `${header}.${payload}.${Buffer.alloc(bytes.length, 255).toString('base64url')}`,
      `${header}.${payload}.AA`,
      `${header}.${payload}.`,
    ];
    for (const each of forged) expect(await outcomeOf(at, each)).toBe('token_signature');
    expect(await outcomeOf(at, await token)).toBe('verified');
  });

  test('refuses the signature of another key', async () => {
    const other = keys.has(alg)
      ? signingKey(alg as 'RS256').privateKey
      : createSecretKey(Buffer.from(LONG_SECRET.toUpperCase()));
    expect(await outcomeOf(at, await signed(CLAIMS, { alg, key: other }))).toBe('token_signature');
  });

  test('accepts no other algorithm, even if the key supports it', async () => {
    const others = ALGORITHMS.filter((each) => each !== alg);
    for (const other of others) {
      const key =
        familyOf(other) === familyOf(alg) && keys.get(alg)?.jwk.kty === 'RSA' ? signerOf(alg) : signerOf(other);
      expect(await outcomeOf(at, await signed(CLAIMS, { alg: other, key }))).toBe('token_signature');
    }
  });
});

test.each(['none', 'None', 'NONE', 'nOnE', '', ' none', 'none\u0000', 'hs256', 'HS256 ', 'ES256K', 'RS1'])(
  'the algorithm %j verifies nothing',
  async (alg) => {
    const unsigned = `${base64url({ alg })}.${base64url(CLAIMS)}`;
    const hmac = createHmac('sha256', LONG_SECRET).update(unsigned).digest('base64url');
    for (const signature of ['', hmac, 'AAAA'])
      expect(await outcomeOf(bySecret(), `${unsigned}.${signature}`)).toBe('token_signature');
    expect(await outcomeOf(bySecret(), await signedBySecret(CLAIMS))).toBe('verified');
  },
);

test('a public key is not an HMAC secret, in any format', async () => {
  const pair = signingKey('RS256');
  const at = verifier({ keys: new StaticKey(keyFromText(pair.pem)) });
  const der = pair.publicKey.export({ format: 'der', type: 'spki' });
  const spellings: (string | Buffer)[] = [
    pair.pem,
    pair.pem.trim(),
    `${pair.pem}\n`,
    pair.publicKey.export({ format: 'pem', type: 'pkcs1' }).toString(),
    der,
    JSON.stringify(pair.jwk),
    JSON.stringify({ keys: [pair.jwk] }),
    pair.jwk.n as string,
    Buffer.from(pair.jwk.n as string, 'base64url'),
  ];
  for (const secret of spellings) {
    const input = `${base64url({ alg: 'HS256' })}.${base64url(CLAIMS)}`;
    const forged = `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
    expect(await outcomeOf(at, forged)).toBe('token_signature');
  }
  expect(await outcomeOf(at, await signed(CLAIMS, { alg: 'RS256', key: pair.privateKey }))).toBe('verified');
});

test('a key inside the token verifies nothing', async () => {
  const own = signingKey('ES256');
  const at = verifier({ keys: keyOf('ES256') });
  const header = { jwk: own.jwk, jku: 'http://127.0.0.1:9/keys', x5u: 'http://127.0.0.1:9/cert' };
  expect(await outcomeOf(at, await signed(CLAIMS, { alg: 'ES256', key: own.privateKey, header }))).toBe(
    'token_signature',
  );
  expect(await outcomeOf(at, await signed(CLAIMS, { alg: 'ES256', key: signerOf('ES256'), header }))).toBe('verified');
});

test('an ECDSA signature in DER is refused', async () => {
  const pair = signingKey('ES256');
  const at = verifier({ keys: new StaticKey(keyFromText(pair.pem)) });
  const input = `${base64url({ alg: 'ES256' })}.${base64url(CLAIMS)}`;
  const der = sign('sha256', Buffer.from(input), pair.privateKey).toString('base64url');
  expect(await outcomeOf(at, `${input}.${der}`)).toBe('token_signature');
});

test('a PSS salt is as long as the digest (RFC 7518 §3.5), no shorter', async () => {
  const pair = signingKey('PS256');
  const at = verifier({ keys: new StaticKey(keyFromText(pair.pem)) });
  const input = `${base64url({ alg: 'PS256' })}.${base64url(CLAIMS)}`;
  const salted = (saltLength: number) => {
    const key = { key: pair.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
    return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
  };
  expect(await outcomeOf(at, salted(0))).toBe('token_signature');
  expect(await outcomeOf(at, salted(32))).toBe('verified');
});

test('a key whose JWK names an algorithm verifies with that one', async () => {
  const pair = signingKey('RS256');
  const at = verifier({ keys: new StaticKey(keyFromText(JSON.stringify({ ...pair.jwk, alg: 'RS256' }))) });
  expect(await outcomeOf(at, await signed(CLAIMS, { alg: 'RS512', key: pair.privateKey }))).toBe('token_signature');
  expect(await outcomeOf(at, await signed(CLAIMS, { alg: 'RS256', key: pair.privateKey }))).toBe('verified');
});

describe('the issuer', () => {
  const other = keyFromSecret(`${LONG_SECRET} of another`);
  const at = verifier(
    { keys: new StaticKey(keyFromSecret(LONG_SECRET)) },
    { issuer: 'https://other.example', keys: new StaticKey(other) },
  );
  const tokenOf = (iss: unknown, secret = LONG_SECRET) => signedBySecret({ ...CLAIMS, iss }, {}, secret);

  test.each([
    [undefined], [null], [['https://id.example']], ['https://id.example/'], ['https://ID.example'], ['https://i'],
    ['https://id.example.evil'], [''], ['__proto__'], [{}],
  ])('%j is not listed', async (iss) => {
    expect(await outcomeOf(at, await tokenOf(iss))).toBe('unlisted_issuer');
    expect(await outcomeOf(at, await tokenOf('https://id.example'))).toBe('verified');
  }); // prettier-ignore

  test('is accepted only with its own key', async () => {
    expect(await outcomeOf(at, await tokenOf('https://other.example'))).toBe('token_signature');
    expect(await outcomeOf(at, await tokenOf('https://other.example', `${LONG_SECRET} of another`))).toBe('verified');
  });

  test('may be any if the policy names none', async () => {
    const open = bySecret({ issuer: undefined });
    expect(await outcomeOf(open, await tokenOf('https://x.example'))).toBe('verified');
    expect(await outcomeOf(open, await tokenOf(undefined))).toBe('verified');
    expect(await outcomeOf(open, await tokenOf(['https://x.example']))).toBe('token_claims');
  });
});

test('a forged token gets the reason of its signature, whatever else is wrong', async () => {
  const expired = { ...CLAIMS, exp: START - 600, aud: 'other', sub: 7 };
  const at = bySecret({ audience: ['api'] });
  expect(await outcomeOf(at, await signedBySecret(expired, {}, `${LONG_SECRET}!`))).toBe('token_signature');
  expect(await outcomeOf(at, await signedBySecret({ ...expired, sub: 'a', aud: 'api' }))).toBe('token_expired');
});

describe('a token that was verified', () => {
  /** Counts how often keys are requested. A cached token requests none. */
  function counted(given: Partial<TokenPolicy> = {}) {
    const real = new StaticKey(keyFromSecret(LONG_SECRET));
    const state = { finds: 0, held: true };
    const keys: KeySource = {
      ready: real.ready,
      find: (query) => ((state.finds += 1), real.find(query)),
      holds: (thumbprint) => state.held && real.holds(thumbprint),
      close: () => undefined,
    };
    return { state, at: bySecret({ keys, ...given }) };
  }

  test('is cached until it expires', async () => {
    const { state, at } = counted();
    const token = await signedBySecret(CLAIMS);
    const first = at.verify(token);
    expect(at.verify(token)).toEqual(first);
    expect(state.finds).toBe(1);
    clock = START + 599;
    expect(await outcomeOf(at, token)).toBe('verified');
    expect(state.finds).toBe(1);
    clock = START + 630;
    expect(await outcomeOf(at, token)).toBe('token_expired');
  });

  test('is checked against the clock on each hit', async () => {
    const { at } = counted({ maxAge: 100_000 });
    const token = await signedBySecret({ ...CLAIMS, nbf: START });
    expect(await outcomeOf(at, token)).toBe('verified');
    clock = START + 129;
    expect(await outcomeOf(at, token)).toBe('verified');
    clock = START + 130;
    expect(await outcomeOf(at, token)).toBe('token_expired');
    clock = START - 31;
    expect(await outcomeOf(at, token)).toBe('token_not_yet_valid');
  });

  test('is cached for five minutes if it has no exp', async () => {
    const { state, at } = counted({ requireExp: false });
    const token = await signedBySecret({ ...CLAIMS, exp: undefined });
    await outcomeOf(at, token);
    clock = START + 299;
    expect(await outcomeOf(at, token)).toBe('verified');
    expect(state.finds).toBe(1);
    clock = START + 300;
    expect(await outcomeOf(at, token)).toBe('verified');
    expect(state.finds).toBe(2);
  });

  test('is removed from the cache with its key', async () => {
    const { state, at } = counted();
    const token = await signedBySecret(CLAIMS);
    await outcomeOf(at, token);
    state.held = false;
    await outcomeOf(at, token);
    expect(state.finds).toBe(2);
  });

  test('does not make another payload or signature valid', async () => {
    const { at } = counted();
    const token = await signedBySecret(CLAIMS);
    await outcomeOf(at, token);
    const [header, , signature] = token.split('.') as [string, string, string];
    expect(await outcomeOf(at, `${header}.${base64url({ ...CLAIMS, sub: 'root' })}.${signature}`)).toBe(
      'token_signature',
    );
    expect(await outcomeOf(at, `${token}A`)).toBe('token_signature');
  });
});

describe('mangled tokens', () => {
  const policies = [
    { keys: keyOf('ES256') },
    { issuer: 'https://hs.example', keys: new StaticKey(keyFromSecret(LONG_SECRET)) },
  ];
  const at = verifier(...policies);
  const honest = Promise.all([
    signed(CLAIMS, { alg: 'ES256', key: signerOf('ES256') }),
    signedBySecret({ ...CLAIMS, iss: 'https://hs.example' }),
  ]);

  const mangle = fc.record({
    which: fc.nat(1),
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    cut: fc.nat(8),
    insert: fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.constantFrom('.', '=', 'A', '-'),
    ),
  });

  test('are never verified and never throw', async () => {
    const tokens = await honest;
    await fc.assert(
      fc.asyncProperty(mangle, async ({ which, at: place, cut, insert }) => {
        const token = tokens[which] as string;
        const start = Math.floor(place * token.length);
        const mangled = token.slice(0, start) + insert + token.slice(start + cut);
        const outcome = await at.verify(mangled);
        expect(outcome.kind === 'verified').toBe(mangled === token);
      }),
      cases(100, { cost: 10 }),
    );
  });

  test('made of any header and claims with a random signature are never verified', async () => {
    const alg = fc.oneof(fc.constantFrom(...ALGORITHMS, 'none'), fc.string(), fc.jsonValue());
    const header = fc.record(
      { alg, kid: fc.jsonValue(), typ: fc.jsonValue(), crit: fc.jsonValue() },
      { requiredKeys: [] },
    );
    const claims = fc.oneof(
      fc.jsonValue(),
      fc.record({ iss: fc.constantFrom(CLAIMS.iss, 'https://hs.example'), sub: fc.string(), exp: fc.jsonValue() }),
    );
    await fc.assert(
      fc.asyncProperty(header, claims, fc.constantFrom(0, 32, 64, 256, 3), async (head, body, length) => {
        const token = `${base64url(head)}.${base64url(body)}.${randomBytes(length).toString('base64url')}`;
        expect((await at.verify(token)).kind).not.toBe('verified');
      }),
      cases(100, { cost: 10 }),
    );
  });

  test('with any signed header and claims never throw, and verify only with string subjects', async () => {
    const claims = fc.record(
      {
        sub: fc.jsonValue(),
        exp: fc.jsonValue(),
        iat: fc.jsonValue(),
        nbf: fc.jsonValue(),
        aud: fc.jsonValue(),
        cnf: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(claims, async (body) => {
        const outcome = await at.verify(await signedBySecret({ ...body, iss: 'https://hs.example' }));
        expect(['verified', 'rejected']).toContain(outcome.kind);
        if (outcome.kind === 'verified') expect(typeof outcome.claims['sub']).toBe('string');
      }),
      cases(100, { cost: 10 }),
    );
  });
});

test('the oracle itself is right: jose’s key and ours are the same', () => {
  const pair = signingKey('EdDSA');
  expect(createPublicKey(pair.pem).equals(keyFromText(JSON.stringify(pair.jwk)).key)).toBe(true);
});
