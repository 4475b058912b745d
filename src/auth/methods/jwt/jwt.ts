/** The `jwt` method: verifies bearer tokens with a secret, a public key or the key set of an issuer. */
import type { Place } from '../../credentials.js';
import { headerRules, type HeaderRule } from '../../header-rule.js';
import type { Identity } from '../../identity.js';
import type { Method, Summary } from '../../method.js';
import { subjectWords } from '../token-subject.js';
import { compileJwt } from './strategy.js';
import { findingsOf, narrowingFindings } from './findings.js';
import { issuersOf } from './issuers.js';
import type { JwtIssuer } from './issuers.js';
import { judgeNarrowing } from './narrowing.js';
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
  files: { public_key_file: 'public_key' },
  findings: findingsOf,
  unknownNames: (options, narrowing) => narrowingFindings(options, narrowing),
  places: placesOf,
  headers: headersOf,
  forwardsCredential: (options) => options.forward_credentials,
  challenge: (options) => ({ scheme: options.scheme || 'Bearer', params: {} }),
  summary: summaryOf,
  voucher: voucherOf,
  judge: (narrowing, identity) => judgeNarrowing(narrowing, identity),
  compile: (options, deps) => compileJwt(options, placesOf(options), deps),
};

function placesOf(options: JwtOptions): readonly Place[] {
  const scheme = options.scheme ? { scheme: options.scheme.toLowerCase() } : {};
  const places: Place[] = [{ in: 'header', name: options.header.toLowerCase(), ...scheme }];
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
  return issuers.flatMap((each) => headerRules(each.claims_to_headers, each.issuer));
}

/** The issuer of the file that the token names, or the block itself if it accepts tokens of any issuer. */
function voucherOf(options: JwtOptions, { issuer }: Identity): unknown {
  const issuers = issuersOf(options);
  return issuers.find((each) => each.issuer === issuer) ?? issuers.find((each) => each.issuer === undefined);
}

function summaryOf(options: JwtOptions): Summary {
  return issuersOf(options).flatMap((each): Summary => {
    const suffix = each.name === undefined ? '' : ` (${each.name})`;
    return [
      [`issuer${suffix}`, each.issuer ?? 'ANY ISSUER'],
      [`audience${suffix}`, each.audience?.join(', ') ?? 'ANY AUDIENCE'],
      [`subject${suffix}`, subjectWords(each)],
      [`algorithms${suffix}`, each.algorithms.join(', ')],
      [`keys${suffix}`, keysIn(each)],
    ];
  });
}

/** The query of the URL is omitted, because it may contain a secret. */
function keysIn({ keys }: JwtIssuer): string {
  switch (keys.kind) {
    case 'jwks': {
      const url = URL.canParse(keys.url) ? new URL(keys.url) : undefined;
      return url ? `${url.origin}${url.pathname}` : 'no URL';
    }
    case 'discovery':
      return `discovered at ${keys.issuer}`;
    case 'secret':
      return 'a shared secret';
    case 'public_key':
      return 'a public key';
    case 'none':
      return 'none';
  }
}
