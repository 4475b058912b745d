/** Creates the key source of an issuer from its options in the file. */
import { discoverJwksUri } from '../../../tokens/discovery.js';
import { fetchKeys, parseKeySet, usableKeys } from '../../../tokens/jwks.js';
import { RemoteKeySet } from '../../../tokens/key-set.js';
import { StaticKey, StaticKeySet } from '../../../tokens/key-source.js';
import type { KeySource } from '../../../tokens/key-source.js';
import { decodeSecret } from '../../../tokens/shared-secret.js';
import { keyFromSecret, keyFromText } from '../../../tokens/verification-key.js';
import { anchorsPem, readAnchors } from '../../../certificates/trust-anchors.js';
import { asideKeysOf } from './aside-keys.js';
import type { FetchRules } from '../../../tokens/jwks.js';
import type { MethodDeps } from '../../method.js';
import { BorrowedKeys } from './borrowed-keys.js';
import type { JwtIssuer } from './issuers.js';

/**
 * Names the source of a fetched key set: two issuers with one name may read the keys of each other. Undefined for keys
 * of the file.
 */
export function sourceNameOf({ issuer, keys, ca, allow_insecure_http }: JwtIssuer): string | undefined {
  if (keys.kind !== 'jwks' && keys.kind !== 'discovery') return undefined;
  const from = keys.kind === 'jwks' ? keys.url : keys.issuer;
  return JSON.stringify([issuer, keys.kind, from, ca, allow_insecure_http]);
}

/**
 * `loaded`: the source of the same issuer that serves requests. Throws if the file holds no readable key. The findings
 * have already reported this error.
 */
export function keySourceOf(issuer: JwtIssuer, deps: MethodDeps, loaded?: KeySource): KeySource {
  const { keys } = issuer;
  const source = sourceNameOf(issuer);
  if (deps.offline && source !== undefined) return new BorrowedKeys(issuer.issuer, source, deps.offline);
  const known = deps.aside && source !== undefined ? asideKeysOf(issuer, deps.aside, loaded) : undefined;
  if (known) return known;
  const rules = fetchRules(issuer);
  switch (keys.kind) {
    case 'secret': {
      const secret = decodeSecret(keys.secret, keys.encoding);
      if (!secret) throw new TypeError('jwt: "secret" does not have its "secret_encoding"');
      return new StaticKey(keyFromSecret(secret));
    }
    case 'public_key':
      if (keys.text === undefined) throw new TypeError('jwt: "public_key_file" was not read');
      return new StaticKey(keyFromText(keys.text));
    case 'key_set':
      if (keys.jwks === undefined) throw new TypeError('jwt: "jwks_file" was not read');
      return new StaticKeySet(usableKeys(parseKeySet(keys.jwks)));
    case 'jwks':
      return keySet(issuer, deps, () => fetchKeys(keys.url, rules));
    case 'discovery':
      // Discovery runs on each load, because an issuer may move its keys.
      return keySet(issuer, deps, async () => {
        const { uri, allowsAddress } = await discoverJwksUri(keys.issuer, rules);
        return fetchKeys(uri, { ...rules, allowsAddress });
      });
    case 'none':
      throw new TypeError('jwt needs "secret", "public_key", "jwks_url" or "issuer"');
  }
}

/** If the file names authorities of the issuer, no public authority counts. */
function fetchRules({ allow_insecure_http: allowInsecureHttp, ca }: JwtIssuer): FetchRules {
  return { allowInsecureHttp, ...(ca === undefined ? {} : { ca: anchorsPem(readAnchors(ca), 'servers') }) };
}

function keySet(
  from: JwtIssuer,
  { now, log, metrics }: MethodDeps,
  load: ConstructorParameters<typeof RemoteKeySet>[0]['load'],
) {
  const { issuer, jwks_max_age: maxAgeMs, stale_if_error: staleIfErrorMs } = from;
  const label = issuer ?? from.name ?? 'any';
  return new RemoteKeySet({
    load,
    now,
    maxAgeMs,
    staleIfErrorMs,
    report: (fault, keys) => {
      metrics?.count('loom_jwks_loads_total', { issuer: label, outcome: 'failed' });
      metrics?.gauge('loom_jwks_keys', { issuer: label }, keys);
      log.warn({ method: 'jwt', issuer, fault: fault.message }, 'key set not loaded');
    },
    loaded: (count) => {
      metrics?.count('loom_jwks_loads_total', { issuer: label, outcome: 'loaded' });
      metrics?.gauge('loom_jwks_keys', { issuer: label }, count);
      metrics?.gauge('loom_jwks_loaded_timestamp_seconds', { issuer: label }, now() / 1_000);
    },
  });
}

/** Where the keys come from, in words. The query of the URL is omitted, because it may contain a secret. */
export function keysIn({ keys }: JwtIssuer): string {
  switch (keys.kind) {
    case 'jwks': {
      const url = URL.canParse(keys.url) ? new URL(keys.url) : undefined;
      return url ? `${url.origin}${url.pathname}` : 'no URL';
    }
    case 'discovery':
      return `discovered at ${keys.issuer}`;
    case 'secret':
      return keys.encoding === 'utf8' ? 'a shared secret' : `a shared secret in ${keys.encoding}`;
    case 'public_key':
      return 'a public key';
    case 'key_set':
      return 'a key set in the file';
    case 'none':
      return 'none';
  }
}
