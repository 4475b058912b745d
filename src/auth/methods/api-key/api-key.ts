/** `api_key`: a key in a header or query parameter, looked up by its SHA-256 digest. */
import { hash } from 'node:crypto';
import { createRequire } from 'node:module';
import type { IncomingMessage } from 'node:http';
import { isDeepStrictEqual } from '../../../lib/node-util.js';
import { HeaderAPIKeyStrategy } from 'passport-headerapikey';
import type { Strategy } from 'passport-strategy';
import { addressMatcher } from '../../../lib/address.js';
import { clientAddressOf } from '../../../http/client-address.js';
import { ageText, quoted } from '../../../lib/sentence.js';
import type { Now } from '../../../lib/types.js';
import { looksLikeJws } from '../../../lib/jws-form.js';
import { readEach, readOffer, type Place, type Skips } from '../../credentials.js';
import { credentialDigestOf, rememberCredential } from '../../granted-credential.js';
import { headerRules } from '../../header-rule.js';
import type { Identity } from '../../identity.js';
import type { Method, MethodDeps, MethodStrategy } from '../../method.js';
import { reportVerdict } from '../../outcome.js';
import { grant } from '../../strategy-runner.js';
import type { Challenge, ReasonCode, Rejected, Verdict } from '../../verdict.js';
import type * as Describe from './describe.js';
import { findings, sharedFindings } from './findings.js';
import {
  expanded,
  findKey,
  keyAt,
  subjectOf,
  subjectsOf,
  tableOf,
  type KeyEntry,
  type KeyedOptions,
  type KeyTable,
} from './key-table.js';
import { apiKeyNarrowing, apiKeyOptions } from './options.js';

const require = createRequire(import.meta.url);

/** A key that a request had: its identity, and the conditions that it adds to a request. */
interface KnownKey {
  readonly identity: Identity;
  /** The verdict on each request with the key. A host receives a copy of the identity. */
  readonly granted: Verdict;
  readonly expires: number;
  allows(address: string): boolean;
}

const ANYWHERE = () => true;

function knownKey(key: KeyEntry): KnownKey {
  const subject = subjectOf(key.name, key.digest.toString('hex'));
  const identity: Identity = {
    method: 'api_key',
    subject,
    ...(key.name === undefined ? {} : { name: key.name }),
    scopes: [],
    // Frozen, so that the copy for each request is shallow.
    claims: Object.freeze({ name: subject }),
    ...(key.expires === undefined ? {} : { expiresAt: Math.floor(key.expires / 1_000) }),
    ...(key.rate_limit === undefined ? {} : { rateLimit: key.rate_limit }),
  };
  rememberCredential(identity, key.digest.toString('hex'));
  return {
    identity,
    granted: grant(identity),
    expires: key.expires ?? Infinity,
    allows: key.allowed_ips === undefined ? ANYWHERE : addressMatcher(key.allowed_ips),
  };
}

/** The scheme is one of `Authorization` (RFC 9110 §11.6.2). Every other header holds the key alone. */
function placesOf({ header, scheme, query_param }: KeyedOptions): readonly Place[] {
  const names = header.map((name) => name.toLowerCase());
  const withScheme = scheme && !names.includes('authorization') ? [...names, 'authorization'] : names;
  const places = withScheme.map((name): Place => {
    return scheme && name === 'authorization'
      ? { in: 'header', name, scheme: scheme.toLowerCase() }
      : { in: 'header', name };
  });
  return query_param === undefined ? places : [...places, { in: 'query', name: query_param }];
}

/** In a shared place a value with a scheme, or in the form of a JWS, is a credential of another method. */
function isOfOthers(value: string): boolean {
  return value.includes(' ') || looksLikeJws(value);
}

function challengeOf({ realm }: KeyedOptions): Challenge {
  return { scheme: 'ApiKey', params: { realm } };
}

/**
 * The package reads no query and makes a RegExp of a prefix. So Loom replaces `authenticate`, and the base class only
 * makes it a Passport strategy.
 */
const Base = HeaderAPIKeyStrategy as unknown as new (
  at: { header: string; prefix: string },
  pass: boolean,
  verify: () => void,
) => Strategy;

class ApiKeyStrategy extends Base implements MethodStrategy {
  readonly ready = Promise.resolve();
  private readonly table: KeyTable;
  /** Keys that a request had, by the digest as a text with one character for each byte. */
  private readonly used = new Map<string, KnownKey>();
  private readonly places: readonly Place[];
  private readonly challenges: readonly [Challenge];
  private readonly absent: Verdict;
  private readonly now: Now;
  private readonly shared: readonly Place[];

  constructor(options: KeyedOptions, { now, shared = [] }: Pick<MethodDeps, 'now' | 'shared'>) {
    super({ header: 'X-API-Key', prefix: '' }, false, () => undefined);
    this.now = now;
    (this as { name?: string }).name = 'api_key';
    this.places = placesOf(options);
    this.shared = this.places.filter((place) => shared.some((each) => isDeepStrictEqual(each, place)));
    this.challenges = [challengeOf(options)];
    this.absent = { kind: 'absent', challenges: this.challenges };
    this.table = tableOf(options);
  }

  override authenticate(request: IncomingMessage): void {
    reportVerdict(this, this.decide(request));
  }

  describe(request: IncomingMessage, reason: ReasonCode): string | undefined {
    const offer = readOffer(request, this.places);
    if (offer.kind !== 'one') return undefined;
    const { value, place } = offer;
    const key = this.find(value);
    if (!key) return (require('./describe.js') as typeof Describe).describeUnknown(value, place);
    const name = quoted(key.identity.subject);
    if (reason === 'not_allowed') return `the key ${name} does not allow the address ${clientAddressOf(request)}`;
    return `the key ${name} expired ${ageText(this.now() - key.expires)} ago`;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  decide(request: IncomingMessage): Verdict {
    const offer = readOffer(request, this.places, this.skips);
    if (offer.kind === 'none') return this.absent;
    if (offer.kind === 'many')
      return { kind: 'rejected', status: 400, reason: 'credential_duplicate', challenges: this.challenges };
    if (offer.kind === 'malformed') return this.unknown();
    const key = this.find(offer.value);
    if (!key || this.now() >= key.expires) return this.unknown(offer.value);
    if (key.allows(clientAddressOf(request))) return key.granted;
    return { kind: 'rejected', status: 403, reason: 'not_allowed', challenges: [], credential: offer.value };
  }

  /** A key in a shared place is checked by no other method, also if it has expired or may not be used here. */
  ownValues(request: IncomingMessage, others: readonly Place[]): readonly string[] {
    return readEach(request, [...this.shared, ...others]).filter(
      (value) => !isOfOthers(value) && this.find(value) !== undefined,
    );
  }

  /** In a shared place another method may know a value that is not a key. A JWS there is never looked up. */
  private readonly skips: Skips = (value, place) =>
    this.shared.includes(place) && (isOfOthers(value) || this.find(value) === undefined);

  private find(value: string): KnownKey | undefined {
    const offered = hash('sha256', value, 'binary');
    return this.used.get(offered) ?? this.findUnused(offered);
  }

  private findUnused(offered: string): KnownKey | undefined {
    const number = findKey(this.table, Buffer.from(offered, 'latin1'));
    if (number === undefined) return undefined;
    const known = knownKey(keyAt(this.table, number));
    this.used.set(offered, known);
    return known;
  }

  /** An unknown key, an expired key and no key get the same response. A client cannot learn which keys existed. */
  private unknown(credential?: string): Rejected {
    const rejected: Rejected = {
      kind: 'rejected',
      status: 401,
      reason: 'credential_invalid',
      challenges: this.challenges,
    };
    return credential === undefined ? rejected : { ...rejected, credential };
  }
}

/** The entry of the very key that opened a session. Another key of the same name confirms nothing. */
function voucherOf(options: KeyedOptions, identity: Identity): KeyEntry | undefined {
  const digest = Buffer.from(credentialDigestOf(identity) ?? '', 'hex');
  const table = tableOf(options);
  const number = digest.length === 32 ? findKey(table, digest) : undefined;
  return number === undefined ? undefined : keyAt(table, number);
}

export const apiKey: Method<KeyedOptions> = {
  name: 'api_key',
  title: 'API key',
  ambient: false,
  claims: false,
  certificate: false,
  values: 'looked_up',
  options: apiKeyOptions,
  narrowing: apiKeyNarrowing,
  files: {},
  findings,
  sharedFindings,
  unknownNames: (options, narrowing) => {
    const known = subjectsOf(tableOf(options));
    const { names = [] } = apiKeyNarrowing.parse(narrowing);
    return names.flatMap((name, i) =>
      known.has(name)
        ? []
        : [{ level: 'error', path: ['names', i], message: `no key is named ${JSON.stringify(name)}` }],
    );
  },
  places: placesOf,
  headers: ({ claims_to_headers }) => headerRules(claims_to_headers),
  forwardsCredential: ({ forward_credentials }) => forward_credentials,
  challenge: challengeOf,
  summary: (options) => [['keys', String(tableOf(options).size)]],
  limitsIdentities: (options) =>
    [...tableOf(options).conditions.values()].some((each) => each.rate_limit !== undefined),
  limitsAddresses: (options) =>
    [...tableOf(options).conditions.values()].some((each) => each.allowed_ips !== undefined),
  voucher: voucherOf,
  judge: (narrowing, { subject }) => {
    const names = narrowing['names'];
    return names === undefined || (Array.isArray(names) && names.includes(subject)) ? undefined : 'not_allowed';
  },
  compact: (options) => (options.keys ? { ...options, keys: tableOf(options) } : options),
  expand: expanded,
  offline: true,
  compile: (options, deps) => new ApiKeyStrategy(options, deps),
};
