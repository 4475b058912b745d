/** `api_key`: a key in a header or query parameter, looked up by its SHA-256 digest. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { HeaderAPIKeyStrategy } from 'passport-headerapikey';
import type { Strategy } from 'passport-strategy';
import { addressMatcher } from '../../../lib/address.js';
import { clientAddressOf } from '../../../http/client-address.js';
import type { Now } from '../../../lib/types.js';
import { readOffer, type Place } from '../../credentials.js';
import { headerRules } from '../../header-rule.js';
import { copyOf, type Identity } from '../../identity.js';
import type { Finding, Method, MethodStrategy } from '../../method.js';
import { FailInfo } from '../../outcome.js';
import type { Challenge, Rejected, Verdict } from '../../verdict.js';
import { apiKeyNarrowing, apiKeyOptions, type ApiKeyOptions, type ConfiguredKey } from './options.js';

/** A configured key: its digest, its identity, and the conditions that it adds to a request. */
interface KnownKey {
  readonly digest: Buffer;
  readonly identity: Identity;
  readonly expires: number;
  allows(address: string): boolean;
}

const ANYWHERE = () => true;
const NO_DIGEST = Buffer.alloc(32);

/** A digest as the key of a Map, with one character for each byte. */
const textOf = (digest: Buffer): string => digest.toString('latin1');

function digestOf({ key, key_hash }: ConfiguredKey): string {
  return key === undefined ? (key_hash ?? '').slice('sha256:'.length) : hash('sha256', key);
}

function subjectOf(key: ConfiguredKey): string {
  return key.name ?? `key-${digestOf(key).slice(0, 12)}`;
}

function knownKey(key: ConfiguredKey): KnownKey {
  const subject = subjectOf(key);
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
  return {
    digest: Buffer.from(digestOf(key), 'hex'),
    identity,
    expires: key.expires ?? Infinity,
    allows: key.allowed_ips === undefined ? ANYWHERE : addressMatcher(key.allowed_ips),
  };
}

function placesOf({ header, query_param }: ApiKeyOptions): readonly Place[] {
  const inHeader: Place = { in: 'header', name: header.toLowerCase() };
  return query_param === undefined ? [inHeader] : [inHeader, { in: 'query', name: query_param }];
}

function challengeOf({ realm }: ApiKeyOptions): Challenge {
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
  private readonly keys: ReadonlyMap<string, KnownKey>;
  private readonly places: readonly Place[];
  private readonly challenges: readonly [Challenge];

  constructor(
    options: ApiKeyOptions,
    private readonly now: Now,
  ) {
    super({ header: options.header, prefix: '' }, false, () => undefined);
    (this as { name?: string }).name = 'api_key';
    this.places = placesOf(options);
    this.challenges = [challengeOf(options)];
    this.keys = new Map((options.keys ?? []).map(knownKey).map((key) => [textOf(key.digest), key]));
  }

  override authenticate(request: IncomingMessage): void {
    const judged = this.judge(request);
    if ('method' in judged) return this.success(copyOf(judged));
    this.fail(new FailInfo(judged), judged.kind === 'rejected' ? judged.status : 401);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private judge(
    request: IncomingMessage,
  ): Identity | Exclude<Verdict, { kind: 'granted' | 'answered' | 'unavailable' }> {
    const offer = readOffer(request, this.places);
    if (offer.kind === 'none') return { kind: 'absent', challenges: this.challenges };
    if (offer.kind === 'many')
      return { kind: 'rejected', status: 400, reason: 'credential_duplicate', challenges: this.challenges };
    if (offer.kind === 'malformed') return this.unknown();
    const key = this.find(offer.value);
    if (!key || this.now() >= key.expires) return this.unknown(offer.value);
    if (key.allows(clientAddressOf(request))) return key.identity;
    return { kind: 'rejected', status: 403, reason: 'not_allowed', challenges: [], credential: offer.value };
  }

  /**
   * Finds the entry by its digest. A full comparison in constant time costs the same for a near miss and for a random
   * guess.
   */
  private find(value: string): KnownKey | undefined {
    const offered = hash('sha256', value, 'binary');
    const known = this.keys.get(offered);
    const same = timingSafeEqual(Buffer.from(offered, 'latin1'), known?.digest ?? NO_DIGEST);
    return same ? known : undefined;
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

function findings({ keys }: ApiKeyOptions): readonly Finding[] {
  if (!keys) return [{ level: 'warning', path: ['keys'], message: 'no keys: every request is rejected' }];
  const digests = keys.map(digestOf);
  const subjects = keys.map(subjectOf);
  const firstKey = firstOf(digests);
  const firstName = firstOf(subjects);
  return keys.flatMap((_key, i): Finding[] => {
    const sameKey = firstKey.get(digests[i] as string) ?? i;
    if (sameKey < i)
      return [
        {
          level: 'error',
          path: ['keys', i],
          message: `${subjects[i]} has the same key as keys[${sameKey}], ${subjects[sameKey]}`,
        },
      ];
    const sameName = firstName.get(subjects[i] as string) ?? i;
    if (sameName < i)
      return [{ level: 'error', path: ['keys', i, 'name'], message: `keys[${sameName}] has this name already` }];
    return [];
  });
}

/** The first index of each text. A file may have a hundred thousand keys. */
function firstOf(texts: readonly string[]): ReadonlyMap<string, number> {
  const first = new Map<string, number>();
  texts.forEach((text, i) => first.has(text) || first.set(text, i));
  return first;
}

export const apiKey: Method<ApiKeyOptions> = {
  name: 'api_key',
  title: 'API key',
  ambient: false,
  claims: false,
  certificate: false,
  options: apiKeyOptions,
  narrowing: apiKeyNarrowing,
  files: {},
  findings,
  unknownNames: ({ keys = [] }, narrowing) => {
    const known = new Set(keys.map(subjectOf));
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
  summary: (options) => [
    [
      'read from',
      placesOf(options)
        .map((place) => `${place.in} ${place.name}`)
        .join(', '),
    ],
    ['keys', String(options.keys?.length ?? 0)],
  ],
  limitsIdentities: ({ keys = [] }) => keys.some(({ rate_limit }) => rate_limit !== undefined),
  voucher: ({ keys = [] }, { subject }) => keys.find((key) => subjectOf(key) === subject),
  judge: (narrowing, { subject }) => {
    const names = narrowing['names'];
    return names === undefined || (Array.isArray(names) && names.includes(subject)) ? undefined : 'not_allowed';
  },
  compile: (options, { now }) => new ApiKeyStrategy(options, now),
};
