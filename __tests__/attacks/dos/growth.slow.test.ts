/** Text from outside costs linear time in each regular expression of the product and in each function that reads it. */
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { contextOf } from '../../../src/context/request-context.js';
import { parseChallenge } from '../../../src/auth/challenge-text.js';
import { queryValues, readOffer } from '../../../src/auth/credentials.js';
import { readUserPass } from '../../../src/auth/methods/basic/credentials.js';
import { emptyCredentials } from '../../support/empty-credentials.js';
import { crossSiteRefused } from '../../../src/admission/cross-site.js';
import { createFramingCheck } from '../../../src/http/framing.js';
import { headerValue } from '../../../src/http/header-value.js';
import { editFields } from '../../../src/http/fields.js';
import { createIdentityStripper } from '../../../src/admission/strip-identity-headers.js';
import { readTarget } from '../../../src/http/target.js';
import { canonicalAltName } from '../../../src/certificates/fields.js';
import { findClient } from '../../../src/http/forwarded-for.js';
import { addressMatcher, clientNetwork } from '../../../src/lib/address.js';
import { parseStrictJson } from '../../../src/lib/strict-json.js';
import { isNear } from '../../../src/lib/tls-url.js';
import { parseTraceParent } from '../../../src/observe/tracing.js';
import { parseJws } from '../../../src/tokens/jws.js';
import { growsInProportion, shortest } from '../../support/growth.js';

const SRC = resolve(__dirname, '../../../src');

interface Expression {
  readonly place: string;
  readonly written: string;
  readonly expression: RegExp;
}

/** Every regular expression literal in the source. */
const expressions: readonly Expression[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .flatMap((name) => {
    const source = ts.createSourceFile(name, readFileSync(join(SRC, name), 'utf8'), ts.ScriptTarget.Latest, true);
    const found: Expression[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isRegularExpressionLiteral(node)) {
        const end = node.text.lastIndexOf('/');
        const expression = new RegExp(node.text.slice(1, end), node.text.slice(end + 1));
        found.push({ place: name, written: node.text, expression });
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  });

/** Expressions over the operator's own text, or over text of bounded length, with the reason. */
const BOUNDED: Readonly<Record<string, string>> = {
  'lib/linear-expression.ts': 'a route expression: at most 256 bytes',
  'config/safe-regex.ts': 'a route expression: at most 256 bytes',
  'config/report.ts': 'our own messages about the file',
  'wasm/origin.ts': 'a tool name of at most 80 characters, a path of at most 200',
};

const UNITS = [
  ...['a', 'A', '0', ' ', '\t', '\n', '\0', '/', '\\', '.', '-', '_', ':', '=', '"', ',', ';', '%', '*', '[', '(', '@'],
  ...[
    'é',
    '\u0301',
    '+',
    '{',
    '$',
    'a.',
    'a:',
    '0.',
    'a=',
    'a="',
    '\\"',
    '" ',
    'a ',
    '::',
    '-----BEGIN ',
    '"a',
    ' (',
    '@a/',
  ],
];
const STARTS = ['', 'a ', '"', '[', 'http://', 'x="', 'Basic '];
const ENDS = ['', '!'];

const use = (expression: RegExp, text: string): void => {
  expression.lastIndex = 0;
  if (expression.global) text.replace(expression, '');
  else expression.exec(text);
};

/** Words from the expression itself match further into it than fixed words. */
const wordsIn = (written: string): readonly string[] =>
  [...new Set(written.match(/[\w ./:"-]{2,24}/g) ?? [])].slice(0, 6);

function slowOn({ written, expression }: Expression): string | undefined {
  const own = wordsIn(written);
  // A scan that reads each character once, measured on this machine now.
  const scan = shortest(() => use(/[^\0-\uffff]/, 'a'.repeat(8_000)), 0.2);
  for (const start of [...STARTS, ...own]) {
    for (const unit of [...UNITS, ...own]) {
      for (const end of ENDS) {
        const make = (length: number): string => start + unit.repeat(Math.ceil(length / unit.length)) + end;
        const text = make(8_000);
        const began = performance.now();
        use(expression, text);
        if (performance.now() - began < 50 * scan) continue;
        if (!growsInProportion(make, (each) => use(expression, each), 500)) return JSON.stringify({ start, unit, end });
      }
    }
  }
  return undefined;
}

describe('DOS-11 expressions over text from outside', () => {
  test('there are expressions to test, and the check detects a quadratic one', () => {
    expect(expressions.length).toBeGreaterThan(150);
    for (const quadratic of [/\.+$/, /([A-Za-z0-9_-]+)="((?:[^"\\]|\\.)*)"/g, /^[ \t]+|[ \t]+$/g]) {
      expect(slowOn({ place: '', written: quadratic.source, expression: quadratic })).toBeDefined();
    }
  });

  test('twin: the check accepts honest expressions', () => {
    for (const honest of [/^[A-Za-z0-9]+$/, /[a-z]{1,64}$/, /"[^"\\]*(?:\\[^][^"\\]*)*"?|[{}[\],]/g]) {
      expect(slowOn({ place: '', written: honest.source, expression: honest })).toBeUndefined();
    }
  });

  test('every expression of the source takes linear time', () => {
    const slow = expressions
      .filter(({ place }) => !(place in BOUNDED))
      .flatMap((each) => {
        const input = slowOn(each);
        return input === undefined ? [] : [`${each.place} ${each.written} ${input}`];
      });
    expect(slow).toEqual([]);
  });
});

const request = (...fields: readonly string[]): IncomingMessage => {
  const headers: Record<string, string> = {};
  for (let at = 0; at + 1 < fields.length; at += 2)
    headers[(fields[at] as string).toLowerCase()] = fields[at + 1] as string;
  return {
    ...{ rawHeaders: [...fields], rawTrailers: [], headers, headersDistinct: {}, method: 'POST', httpVersion: '1.1' },
    ...{ httpVersionMajor: 1, httpVersionMinor: 1, url: '/', socket: {} },
  } as unknown as IncomingMessage;
};

const trusted = addressMatcher(['10.0.0.0/8', 'fd00::/8']);
const framing = createFramingCheck(['authorization']);
const strip = createIdentityStripper(['X-User-ID']);
const repeat =
  (unit: string, before = '', after = '') =>
  (length: number): string =>
    before + unit.repeat(Math.ceil(length / unit.length)) + after;
const MARKS = '!#$%&*+.^_`|~'.split('');
/** `X!User#ID`: each pair of separators is another spelling of one name. */
const spellings = (length: number): readonly string[] =>
  Array.from({ length: length / 10 }, (_, at) => [
    `x${MARKS[at % 13]}user${MARKS[Math.floor(at / 13) % 13]}id`,
    'v',
  ]).flat();

type Row = readonly [name: string, make: (length: number) => string, run: (text: string) => unknown];

const rows: readonly Row[] = [
  // Text from a host's strategy: a challenge has no bound.
  ['a challenge of one word', repeat('a', 'Bearer '), parseChallenge],
  ['a challenge of unclosed quotes', repeat('a="', 'Bearer '), parseChallenge],
  ['a challenge of escapes', repeat('\\"', 'Bearer a="'), parseChallenge],
  ['a challenge of parameters', repeat('a="b", ', 'Bearer '), parseChallenge],
  ['a challenge of spaces', repeat(' ', 'Bearer'), parseChallenge],
  // Text from a client: a head of at most 1 MiB.
  ['a path of combining marks', repeat('%CC%81%CC%96', '/a'), readTarget],
  ['a path of valid combining marks', repeat('%EF%BE%9E%CC%96', '/a'), readTarget],
  ['a path of joined combining marks', repeat('%CC%81%CD%8F%CC%96', '/a'), readTarget],
  ['a path of ligatures', repeat('%EF%B7%BA', '/'), readTarget],
  ['a path of escapes', repeat('%41', '/'), readTarget],
  ['a path of dots and spaces', repeat('%20.', '/a', 'b'), readTarget],
  ['a path of segments', repeat('/a.'), readTarget],
  ['a query', repeat('a=%41&', '/x?'), (url) => queryValues(url, 'api_key')],
  [
    'parameters to remove',
    repeat('k=a&', '/x?'),
    (url) => emptyCredentials(request('Referer', url), [{ in: 'query', name: 'k' }], { kept: new Set(), url }),
  ],
  ['cookies', repeat('a=b; '), (value) => readOffer(request('Cookie', value), [{ in: 'cookie', name: 's' }])],
  [
    'subprotocols',
    repeat('bearer,'),
    (value) => readOffer(request('Sec-WebSocket-Protocol', value), [{ in: 'subprotocol', name: 'bearer' }]),
  ],
  [
    'spaces after a scheme',
    repeat(' ', 'Bearer', 'a'),
    (value) => readOffer(request('Authorization', value), [{ in: 'header', name: 'authorization', scheme: 'bearer' }]),
  ],
  ['a pair of user and password', repeat('YTph'), (value) => readUserPass(value)],
  ['dots of a token', repeat('.'), parseJws],
  ['options of Connection', repeat('a,'), (value) => framing(request('Host', 'gw', 'Connection', value))],
  ['a host', repeat('a.'), (value) => framing(request('Host', value))],
  ['nominations of Connection', repeat('x-user-id,'), (value) => strip(contextOf(request('Connection', value)))],
  [
    'an origin',
    repeat('://', 'https'),
    (origin) =>
      crossSiteRefused(request('Origin', origin, 'Host', 'gw'), { ambient: true, allowedOrigins: [], upgrade: false }),
  ],
  ['blanks in an address', repeat(' ', 'a', 'b'), clientNetwork],
  ['proxies in X-Forwarded-For', repeat('10.0.0.1,'), (value) => findClient('10.0.0.1', [value], trusted)],
  ['proxies of IPv6 in X-Forwarded-For', repeat('fd00::1,'), (value) => findClient('10.0.0.1', [value], trusted)],
  ['blanks in X-Forwarded-For', repeat(' ', 'a', 'b'), (value) => findClient('10.0.0.1', [value], trusted)],
  ['a traceparent', repeat('00-'), parseTraceParent],
  // Text from an issuer: a body of at most 512 KiB, claims of at most a token.
  ['JSON of open quotes', repeat('"\\'), (text) => attempt(() => parseStrictJson(text))],
  [
    'JSON of members',
    (length) => `{${Array.from({ length: length / 8 }, (_, at) => `"m${at}":1`).join()}}`,
    parseStrictJson,
  ],
  ['dots after a host name', repeat('.', 'https://a', 'b/'), (text) => isNear({ hostname: text.slice(8, -1) } as URL)],
  ['a claim of escapes', repeat('%'), headerValue],
  ['a claim of spaces', repeat(' ', 'a', 'é'), headerValue],
  // Text from a certificate.
  ['an alternative name', repeat('DNS:', 'DNS:'), canonicalAltName],
];

function attempt(act: () => unknown): void {
  try {
    act();
  } catch {
    // A refusal costs time too.
  }
}

describe('DOS-14 dimensions of text from outside', () => {
  test.each(rows)('%s: eight times the length, about eight times the time', (_name, make, run) => {
    expect(growsInProportion(make, (text) => void run(text))).toBe(true);
  });

  test('fields that spell one identity header in many ways', () => {
    const edit = (length: number) => (): void => strip(contextOf(request(...spellings(length))));
    const fields = (length: number): (() => void) => edit(length);
    expect(growsInProportion(fields, (run) => run())).toBe(true);
  });

  test('fields that are all changed', () => {
    const many = (length: number): readonly string[] =>
      Array.from({ length: length / 10 }, (_, at) => [`x-${at}`, 'v']).flat();
    expect(growsInProportion(many, (fields) => editFields(request(...fields), (_name, value) => `${value}w`))).toBe(
      true,
    );
  });

  test('twin: requests of honest clients are read as before', () => {
    expect(parseChallenge('Digest realm="a \\"b\\"", qop=auth, nonce="x,y" , opaque=""')).toEqual({
      scheme: 'Digest',
      params: { realm: 'a "b"', nonce: 'x,y', opaque: '' },
    });
    expect(parseChallenge('Negotiate')).toEqual({ scheme: 'Negotiate', params: {} });
    expect(readTarget(`/${encodeURIComponent(`a${'\u0301'.repeat(30)}`)}`)).toMatchObject({ kind: 'target' });
    expect(readTarget(`/${encodeURIComponent('ภาษาไทย-हिन्दी-שָׁלוֹם-Zoë')}`)).toMatchObject({ kind: 'target' });
    expect(readTarget(`/${encodeURIComponent(`a${'\u0301'.repeat(31)}`)}`)).toEqual({ kind: 'bad', reason: 'segment' });
    expect(clientNetwork(' \t192.0.2.7 ')).toBe('192.0.2.7');
    expect(isNear(new URL('http://localhost.../'))).toBe(true);
  });
});
