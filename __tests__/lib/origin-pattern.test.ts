import { matchesOrigin, parseOrigin } from '../../src/lib/origin-pattern.js';

function matches(pattern: string, origin: string): boolean {
  const parsed = parseOrigin(pattern);
  if (typeof parsed === 'string' || parsed.kind === 'any') throw new Error(`${pattern} is ${JSON.stringify(parsed)}`);
  return matchesOrigin(parsed, origin);
}

test.each([
  ['https://app.example.com', 'https://app.example.com'],
  ['http://localhost:3000', 'http://localhost:3000'],
  ['http://[::1]:8080', 'http://[::1]:8080'],
  ['https://*.example.com', 'https://app.example.com'],
  ['https://*.example.com', 'https://a.b.example.com'],
  ['https://*.example.com', 'https://xn--bcher-kva.example.com'],
  ['https://*.example.com:8443', 'https://app.example.com:8443'],
  ['http://*.example.co.uk', 'http://app.example.co.uk'],
])('%s lets %s in', (pattern, origin) => expect(matches(pattern, origin)).toBe(true));

test.each([
  ['https://app.example.com', 'http://app.example.com'],
  ['https://app.example.com', 'https://app.example.com:8443'],
  ['https://app.example.com', 'https://app.example.com.evil.test'],
  ['https://app.example.com', 'https://app.example.com/'],
  ['https://app.example.com', 'null'],
  ['https://app.example.com', ''],
  ['https://*.example.com', 'https://example.com'],
  ['https://*.example.com', 'https://.example.com'],
  ['https://*.example.com', 'https://evilexample.com'],
  ['https://*.example.com', 'https://evil.test/.example.com'],
  ['https://*.example.com', 'https://evil.test#.example.com'],
  ['https://*.example.com', 'https://evil.test?.example.com'],
  ['https://*.example.com', 'https://evil.test:443.example.com'],
  ['https://*.example.com', 'https://u@evil.example.com'],
  ['https://*.example.com', 'https://evil.test\\.example.com'],
  ['https://*.example.com', 'https://a..example.com'],
  ['https://*.example.com', 'https://evil.test, https://app.example.com'],
  ['https://*.example.com', 'http://app.example.com'],
  ['https://*.example.com', 'https://app.example.com:8443'],
  ['https://*.example.com', 'https://app.example.com.evil.test'],
  ['https://*.example.com', 'https://*.example.com'],
])('%s keeps %j out', (pattern, origin) => expect(matches(pattern, origin)).toBe(false));

test('every page is its own kind', () => expect(parseOrigin('*')).toEqual({ kind: 'any' }));

test.each([
  ...[
    'https://*',
    'https://*:443',
    '*.com',
    '*.example.com',
    'https://*.com',
    'https://*.com.',
    'https://example.com*',
  ],
  ...['https://*example.com', 'https://app-*.example.com', 'https://a.*.example.com', 'https://*.*.example.com'],
  ...['https://*.co.uk', 'https://*.com.au', 'https://*.github.io', 'https://*.localhost', 'https://example.com:*'],
  ...['*://*.example.com', 'http*://app.example.com', '**', 'https://*/'],
])('%s matches too much', (text) => expect(typeof parseOrigin(text)).toBe('string'));

test.each([
  ...['', 'app.example.com', 'https://app.example.com/', 'https://app.example.com/a', 'https://APP.example.com'],
  ...['https://app.example.com:443', 'https://u@app.example.com', 'file:///a', 'ftp://app.example.com', 'https://'],
  ...['https://bücher.example', 'https://app.example.com.', 'javascript:alert(1)', 'https://a b.example', 'NULL'],
])('%j is no origin', (text) => expect(parseOrigin(text)).toBe('malformed'));

test('null is parsed as the opaque origin', () => expect(parseOrigin('null')).toBe('null'));
