/** Findings about the keys of an issuer of a `jwt` block. */
import { familyOf } from '../../../tokens/algorithms.js';
import type { Algorithm } from '../../../tokens/algorithms.js';
import { parseKeySet } from '../../../tokens/jwks.js';
import { decodeSecret } from '../../../tokens/shared-secret.js';
import {
  KeyError,
  keyFromJwk,
  keyFromText,
  looksLikeKey,
  type VerificationKey,
} from '../../../tokens/verification-key.js';
import { urlProblem } from '../../../lib/tls-url.js';
import type { FindingRule } from '../../method.js';
import type { JwtIssuer, KeyOrigin } from './issuers.js';

const MIN_SECRET = 32;

/** Reports about an option, wherever the file has it. */
export interface Say {
  readonly warn: (option: string, message: string, rule?: FindingRule) => void;
  readonly fail: (option: string, message: string) => void;
}

export function judgeKeys({ keys, algorithms, allow_insecure_http }: JwtIssuer, { warn, fail }: Say): void {
  judgeAlgorithms({ secret: keys.kind === 'secret', algorithms }, fail);
  switch (keys.kind) {
    case 'none':
      return fail(
        'jwks_url',
        'is missing: give "jwks_url", "secret", "public_key", "jwks" or an "issuer" to discover keys from',
      );
    case 'secret':
      return judgeSecret(keys, { warn, fail });
    case 'public_key':
      return judgePublicKey(keys.text, { algorithms, fail });
    case 'key_set':
      return judgeKeySet(keys.jwks, { algorithms, warn, fail });
    case 'jwks': {
      const problem = urlProblem(keys.url, allow_insecure_http);
      if (problem !== undefined) fail('jwks_url', problem);
      return;
    }
    case 'discovery': {
      const problem =
        urlProblem(keys.issuer, allow_insecure_http) ??
        (keys.issuer.includes('?') ? 'must not contain a query' : undefined);
      if (problem !== undefined) fail('issuer', `${problem}, for its keys are discovered there`);
    }
  }
}

/** The bytes are judged, not the text that encodes them. */
function judgeSecret({ secret, encoding }: KeyOrigin & { kind: 'secret' }, { warn, fail }: Say): void {
  const bytes = decodeSecret(secret, encoding);
  if (!bytes) {
    const other = (['base64', 'base64url'] as const).find((each) => each !== encoding && decodeSecret(secret, each));
    const cure = other === undefined ? 'remove "secret_encoding"' : `write secret_encoding: ${other}`;
    return fail('secret', `is not ${encoding}; ${cure}`);
  }
  if (looksLikeKey(bytes)) return fail('secret', 'is a key, not a shared secret; give it as "public_key"');
  if (bytes.length < MIN_SECRET)
    warn('secret', `is shorter than ${MIN_SECRET} bytes: it can be guessed offline from a single token`, 'weak_secret');
  else if (new Set(bytes).size === 1)
    warn('secret', 'repeats one byte: it can be guessed; give a random secret', 'weak_secret');
}

type Fail = Say['fail'];

/** A public key is known to attackers. If it were accepted as an HMAC secret, an attacker could sign tokens with it. */
function judgeAlgorithms({ secret, algorithms }: { secret: boolean; algorithms: readonly Algorithm[] }, fail: Fail) {
  const wrong = algorithms.filter((each) => (familyOf(each) === 'HS') !== secret);
  if (wrong.length === 0) return;
  const why = secret ? 'a "secret" verifies HS256, HS384 and HS512 alone' : 'HS* needs a "secret"';
  fail('algorithms', `${wrong.join(', ')}: ${why}`);
}

interface Accepted {
  readonly algorithms: readonly Algorithm[];
  readonly fail: Fail;
}

function judgePublicKey(text: string | undefined, { algorithms, fail }: Accepted) {
  if (text === undefined) return;
  const key = usable(() => keyFromText(text));
  if (typeof key === 'string') return fail('public_key', key);
  if (!key.algorithms.some((each) => algorithms.includes(each)))
    fail('public_key', `fits ${key.algorithms.join(', ')}, of which none is among "algorithms"`);
}

/** The key, or the reason why it cannot be used. */
function usable(read: () => VerificationKey): VerificationKey | string {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof KeyError)) throw cause;
    return cause.message;
  }
}

function judgeKeySet(jwks: unknown, { algorithms, warn, fail }: Accepted & Pick<Say, 'warn'>): void {
  if (jwks === undefined) return;
  let given: readonly unknown[];
  try {
    given = parseKeySet(jwks);
  } catch (cause) {
    return fail('jwks', (cause as Error).message);
  }
  const keys = given.map((jwk) => usable(() => keyFromJwk(jwk)));
  keys.forEach((key, at) => {
    if (typeof key !== 'string') return;
    // A private key in the file could sign tokens. A key for encryption is usual in a key set.
    if (key === 'is a private or secret key') fail('jwks', `keys[${at}] ${key}; keep only its public members`);
    else if ((given[at] as { readonly use?: unknown } | null)?.use !== 'enc')
      warn('jwks', `keys[${at}] ${key}; it is not used`);
  });
  const fits = keys.some((key) => typeof key !== 'string' && key.algorithms.some((each) => algorithms.includes(each)));
  if (!fits) fail('jwks', 'has no key that verifies one of the accepted algorithms');
}
