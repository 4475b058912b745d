/** The `jwt` method: verifies bearer tokens with a secret, a public key or the key set of an issuer. */
import type { Place } from '../../credentials.js';
import { headerRules, type HeaderRule } from '../../header-rule.js';
import type { Identity } from '../../identity.js';
import type { Method, Summary } from '../../method.js';
import type { Challenge } from '../../verdict.js';
import { challengeScheme, headerPlace } from '../token-place.js';
import { subjectWords } from '../token-subject.js';
import { compileJwt } from './strategy.js';
import { findingsOf, narrowingFindings } from './findings.js';
import { claimsIn, valuesOf } from './issuer-template.js';
import { entriesOf, issuersOf } from './issuers.js';
import { keysIn } from './keys.js';
import type { JwtIssuer } from './issuers.js';
import { judgeNarrowing, verifiedBy } from './narrowing.js';
import { jwtNarrowing, jwtOptions } from './options.js';
import type { JwtOptions } from './options.js';

export type { JwtOptions } from './options.js';

export const jwt: Method<JwtOptions> = {
  name: 'jwt',
  title: 'JSON Web Tokens',
  ambient: false,
  claims: true,
  certificate: false,
  options: jwtOptions,
  narrowing: jwtNarrowing,
  files: { public_key_file: 'public_key', jwks_file: 'jwks', ca_file: 'ca' },
  findings: findingsOf,
  unknownNames: (options, narrowing) => narrowingFindings(options, narrowing),
  places: placesOf,
  headers: headersOf,
  forwardsCredential: (options) => options.forward_credentials,
  challenge: challengeOf,
  summary: summaryOf,
  voucher: voucherOf,
  judge: (narrowing, identity) => judgeNarrowing(narrowing, identity),
  longestCredential: (options) => Math.max(...entriesOf(options).map((each) => each.max_token_size)),
  offline: true,
  compile: (options, deps) => compileJwt(options, { places: placesOf(options), challenge: challengeOf(options) }, deps),
};

function challengeOf(options: JwtOptions): Challenge {
  return { scheme: challengeScheme(options), params: options.realm === undefined ? {} : { realm: options.realm } };
}

function placesOf(options: JwtOptions): readonly Place[] {
  const places: Place[] = [headerPlace(options)];
  if (options.query_param !== undefined) places.push({ in: 'query', name: options.query_param });
  if (options.cookie !== undefined) places.push({ in: 'cookie', name: options.cookie });
  places.push({ in: 'subprotocol', name: 'bearer' });
  return places;
}

/** One rule for all issuers, unless an issuer has its own map. */
function headersOf(options: JwtOptions): readonly HeaderRule[] {
  const issuers = issuersOf(options);
  const shared = issuers.every((each) => each.claims_to_headers === options.claims_to_headers);
  if (shared) return headerRules(options.claims_to_headers);
  // The entries of one issuer have one map.
  const entries = new Map(issuers.map((each) => [each.issuer, each]));
  return [...entries.values()].flatMap((each) => headerRules(each.claims_to_headers, each.issuer));
}

/** The entry of the file whose key verified the token, or the block itself if it accepts tokens of any issuer. */
function voucherOf(options: JwtOptions, identity: Identity): unknown {
  const issuers = issuersOf(options);
  const named = issuers.filter((each) => each.issuer === identity.issuer);
  const entry = named.length < 2 ? named[0] : named.find((each) => verifiedBy(each, identity));
  return entry ?? issuers.find((each) => each.issuer === undefined);
}

function summaryOf(options: JwtOptions): Summary {
  return entriesOf(options).flatMap((each): Summary => {
    const suffix = each.name === undefined ? '' : ` (${each.name})`;
    return [
      [`issuer${suffix}`, issuerIn(each)],
      [`audience${suffix}`, each.audience?.join(', ') ?? 'ANY AUDIENCE'],
      [`subject${suffix}`, subjectWords(each)],
      [`algorithms${suffix}`, each.algorithms.join(', ')],
      [`keys${suffix}`, each.ca === undefined ? keysIn(each) : `${keysIn(each)}, with authorities of its own`],
      ...(each.token_type === 'any' ? [] : [[`token type${suffix}`, each.token_type] as const]),
    ];
  });
}

function issuerIn({ issuer, required_claims: required }: JwtIssuer): string {
  if (issuer === undefined) return 'ANY ISSUER';
  const values = claimsIn(issuer).map((claim) => `${claim}: ${valuesOf(required, claim).join(', ')}`);
  return values.length === 0 ? issuer : `${issuer} with ${values.join('; ')}`;
}
