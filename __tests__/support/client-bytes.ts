/** Random requests of clients with identity headers, and the right identity of each, computed without the gateway. */
import fc from 'fast-check';
import { secretToken, seconds, type Claims } from './token-issuer.js';

const SECRET = 'a secret of thirty-two bytes or so';

/** In the spellings of the file. */
export const IDENTITY = ['X-User-ID', 'x-user-EMAIL', 'x_user_groups', 'X.User-Scopes', 'X-Key-Name'];

export const FILE = `
middleware:
  auth:
    jwt:
      algorithm: HS256
      secret: ${SECRET}
      cookie: session
      claims_to_headers: { sub: ${IDENTITY[0]}, email: ${IDENTITY[1]}, groups: ${IDENTITY[2]}, scope: ${IDENTITY[3]} }
    api_key:
      keys: [{ key: key-of-alice-1234, name: alice }, { key: key-of-zoe-5678, name: Zoë }]
      claims_to_headers: { name: ${IDENTITY[4]} }
routes:
  - { id: open, path: /open/*, upstream: backend, auth: none }
  - { id: optional, path: /optional/*, upstream: backend, auth: { require: false, methods: [jwt] } }
  - { id: jwt, path: /jwt/*, upstream: backend, auth: { jwt: true } }
  - { id: key, path: /key/*, upstream: backend, auth: { api_key: true } }
  - { id: any, path: /any/*, upstream: backend, auth: { methods: [jwt, api_key] } }
  - { id: all, path: /all/*, upstream: backend, auth: { methods: [jwt, api_key], require_any: false } }
`;

type Headers = Readonly<Record<string, string>>;

interface Credential {
  readonly text: string;
  /** The identity of its holder at the upstream. `undefined` if the credential is wrong. */
  readonly headers?: Headers;
}

const HOLDERS: readonly [Claims, Headers][] = [
  [
    { sub: 'alice', email: 'a@x.y', groups: ['dev', 'ops'], scope: 'read write' },
    { 'x-user-id': 'alice', 'x-user-email': 'a@x.y', x_user_groups: 'dev,ops', 'x.user-scopes': 'read write' },
  ],
  [{ sub: '日本', email: null }, { 'x-user-id': '%E6%97%A5%E6%9C%AC' }],
  [{ sub: 'bob', groups: ['a,admin'] }, { 'x-user-id': 'bob' }],
  [{ sub: 'carol', email: 'c@x.y', email_verified: false, scope: '' }, { 'x-user-id': 'carol' }],
  [{ sub: 'dave', groups: { length: 1 }, email: 'd\r\nX-User-ID: admin' }, { 'x-user-id': 'dave' }],
];

export interface Credentials {
  readonly tokens: readonly Credential[];
  readonly keys: readonly Credential[];
}

/** Good credentials, and a wrong one of each kind. */
export async function credentials(): Promise<Credentials> {
  const exp = seconds() + 30 * 86_400;
  const tokens = await Promise.all(
    HOLDERS.map(async ([claims, headers]) => ({ text: await secretToken(SECRET, { ...claims, exp }), headers })),
  );
  const forged = await secretToken('another secret of thirty-two bytes', { sub: 'admin', exp });
  const keys = [
    { text: 'key-of-alice-1234', headers: { 'x-key-name': 'alice' } },
    { text: 'key-of-zoe-5678', headers: { 'x-key-name': 'Zo%C3%AB' } },
    { text: 'key-of-nobody' },
  ];
  return { tokens: [...tokens, { text: forged }], keys };
}

const ROUTES = ['open', 'optional', 'jwt', 'key', 'any', 'all'] as const;

export interface Case {
  /** latin1. */
  readonly bytes: string;
  readonly upgrade: boolean;
  /** The identity headers at the upstream, sorted. `undefined` if the request may not arrive. */
  readonly expected: readonly (readonly [name: string, value: string])[] | undefined;
}

/** The identity by the rules of the route. */
function expectation(route: (typeof ROUTES)[number], token?: Credential, key?: Credential): Case['expected'] {
  const sorted = (headers: Headers): Case['expected'] => Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));
  switch (route) {
    case 'open':
      return [];
    case 'optional':
      if (token) return token.headers && sorted(token.headers);
      return [];
    case 'jwt':
      return token?.headers && sorted(token.headers);
    case 'key':
      return key?.headers && sorted(key.headers);
    case 'any': {
      const found = token?.headers ?? key?.headers;
      return found && sorted(found);
    }
    case 'all':
      return token?.headers && key?.headers && sorted({ ...token.headers, ...key.headers });
  }
}

const MARKS = "-_.~!#$%&'*+^`|";
const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** A name as any client may write it: other separators, letters in either case, sometimes one more or fewer. */
const spelled = (names: readonly string[]): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...names), fc.infiniteStream(fc.nat(999)), fc.nat(19)).map(([name, rolls, change]) => {
    const roll = (): number => rolls.next().value as number;
    const written = [...name].map((each) => {
      if (!/[a-z0-9]/i.test(each)) return MARKS[roll() % MARKS.length] as string;
      return roll() % 2 === 0 ? each.toLowerCase() : each.toUpperCase();
    });
    if (change === 0) written.splice(roll() % written.length, 1);
    if (change === 1) written.splice(roll() % written.length, 0, MARKS[roll() % MARKS.length] as string);
    return written.join('');
  });

const OTHERS = ['X-Forwarded-For', 'X-Real-IP', 'X-Original-URL', 'Keep-Alive', 'TE', 'Trailer', 'Proxy', 'Forwarded'];
const NATIVE = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'Set-Cookie', 'Cookie', 'X-User', 'User-ID'];
const name = fc.oneof(
  { weight: 8, arbitrary: spelled(IDENTITY) },
  { weight: 2, arbitrary: spelled(OTHERS) },
  { weight: 1, arbitrary: fc.constantFrom(...NATIVE) },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...MARKS, ...letters), minLength: 1, maxLength: 12 }) },
);
/** Every byte that a value may have. */
const byte = fc.oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff }), fc.constant(9));
const value = fc.oneof(
  fc.array(byte, { maxLength: 12 }).map((bytes) => `forged${String.fromCharCode(...bytes)}`),
  fc.constantFrom('', 'alice', 'forged, admin', '"forged"'),
);
/** Except line feeds: an empty line would end the head before the credential. */
const anyBytes = fc
  .array(fc.nat(255), { minLength: 1, maxLength: 16 })
  .map((bytes) => String.fromCharCode(...bytes).replaceAll('\n', '\r'));

const honestLine = fc.tuple(name, fc.constantFrom(':', ': ', ':\t ', ':  '), value).map((parts) => parts.join(''));
const line = fc.oneof(
  { weight: 60, arbitrary: honestLine },
  { weight: 3, arbitrary: fc.array(name, { maxLength: 4 }).map((names) => `Connection: ${names.join(', ')}`) },
  { weight: 1, arbitrary: fc.tuple(name, name).map(([one, two]) => `${one}: forged\r\n ${two}: forged`) },
  {
    weight: 1,
    arbitrary: fc.tuple(name, fc.constantFrom(' ', '\t', '\0')).map(([one, gap]) => `${one}${gap}: forged`),
  },
  { weight: 1, arbitrary: anyBytes },
);

const HANDSHAKE = [
  ...['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];
const KINDS = ['GET', 'GET', 'POST', 'HTTP/1.0', 'upgrade'] as const;

export function cases({ tokens, keys }: Credentials): fc.Arbitrary<Case> {
  return fc
    .record({
      route: fc.constantFrom(...ROUTES),
      kind: fc.constantFrom(...KINDS),
      token: fc.option(fc.constantFrom(...tokens), { nil: undefined }),
      key: fc.option(fc.constantFrom(...keys), { nil: undefined }),
      cookie: fc.boolean(),
      lines: fc.array(line, { maxLength: 10 }),
      trailers: fc.array(honestLine, { maxLength: 4 }),
      at: fc.nat(10),
    })
    .map(({ route, kind, token, key, cookie, lines, trailers, at }) => {
      const own: string[] = kind === 'upgrade' ? [...HANDSHAKE] : [];
      if (token) own.push(cookie ? `Cookie: session=${token.text}` : `Authorization: Bearer ${token.text}`);
      if (key) own.push(`X-API-Key: ${key.text}`);
      if (kind === 'POST') own.push('Transfer-Encoding: chunked');
      const all = [...lines.slice(0, at), ...own, ...lines.slice(at)];
      const start = `${kind === 'POST' ? 'POST' : 'GET'} /${route}/x ${kind === 'HTTP/1.0' ? kind : 'HTTP/1.1'}`;
      const body = kind === 'POST' ? ['3\r\nabc\r\n0', ...trailers, '', ''].join('\r\n') : '';
      const bytes = [start, 'Host: gw', ...all, '', body].join('\r\n');
      return { bytes, upgrade: kind === 'upgrade', expected: expectation(route, token, key) };
    });
}

/** Whether some upstream reads one name as the other: letters and digits in any case, with any separators. */
export function isReadAs(one: string, other: string): boolean {
  const isSign = (each: string): boolean => letters.includes(each);
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  return (
    a.length === b.length && [...a].every((each, at) => each === b[at] || (!isSign(each) && !isSign(b[at] as string)))
  );
}

/** The identity headers among fields, sorted, their names in lower case. */
export function identityAmong(fields: Iterable<readonly [string, unknown]>): (readonly [string, unknown])[] {
  return [...fields]
    .filter(([field]) => IDENTITY.some((ours) => isReadAs(field, ours)))
    .map(([field, text]) => [field.toLowerCase(), text] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
