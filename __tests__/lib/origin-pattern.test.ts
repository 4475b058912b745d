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
  ['capacitor://localhost', 'capacitor://localhost'],
  ['ionic://localhost', 'ionic://localhost'],
  ['tauri://localhost', 'tauri://localhost'],
  ['app://obsidian.md', 'app://obsidian.md'],
  ['app://.', 'app://.'],
  ['chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb', 'chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb'],
  ['moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc', 'moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc'],
  ['vscode-webview://abc:1', 'vscode-webview://abc:1'],
])('%s lets %s in', (pattern, origin) => expect(matches(pattern, origin)).toBe(true));

test.each([
  ['https://app.example.com', 'http://app.example.com'],
  ['https://app.example.com', 'https://app.example.com:8443'],
  ['https://app.example.com', 'https://app.example.com.evil.test'],
  ['https://app.example.com', 'https://app.example.com/'],
  ['https://app.example.com', 'null'],
  ['capacitor://localhost', 'http://localhost'],
  ['capacitor://localhost', 'capacitor://localhost:80'],
  ['capacitor://localhost', 'capacitor://localhost.evil.test'],
  ['capacitor://localhost', 'xcapacitor://localhost'],
  ['chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb', 'chrome-extension://other'],
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
  ...['chrome-extension://*', 'capacitor://*.localhost', 'tauri://*'],
  ...['*://*.example.com', 'http*://app.example.com', '**', 'https://*/'],
])('%s matches too much', (text) => expect(typeof parseOrigin(text)).toBe('string'));

test.each([
  ...['', 'app.example.com', 'https://app.example.com/', 'https://app.example.com/a', 'https://APP.example.com'],
  ...['https://app.example.com:443', 'https://u@app.example.com', 'file:///a', 'ftp://app.example.com', 'https://'],
  ...['capacitor://', 'capacitor://localhost/', 'Capacitor://localhost', 'chrome-extension://ABC', 'capacitor://a@b'],
  ...['file://localhost', 'data://a', 'blob://a', 'ws://app.example.com', 'wss://app.example.com', 'about://blank'],
  ...['capacitor:localhost', 'capacitor://localhost:', 'capacitor://a b', 'tauri://local?x', 'tauri://local#x'],
  ...['https://bücher.example', 'https://app.example.com.', 'javascript:alert(1)', 'https://a b.example', 'NULL'],
])('%j is no origin', (text) => expect(parseOrigin(text)).toBe('malformed'));

test('null is parsed as the opaque origin', () => expect(parseOrigin('null')).toBe('null'));
