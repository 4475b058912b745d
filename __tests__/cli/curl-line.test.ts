/** Pasted curl commands become the request that curl sends. */
import { readCurlLine } from '../../src/cli/curl-line.js';

const requestOf = (line: string) => readCurlLine(line).request;
const headerOf = (line: string, name: string): readonly string[] =>
  requestOf(line).headers.flatMap(([each, value]) => (each.toLowerCase() === name.toLowerCase() ? [value] : []));

test.each<readonly [string, string, string, string]>([
  ['a URL alone', 'curl https://a/x', 'GET', 'https://a/x'],
  ['a prompt before it', '$ curl https://a/x', 'GET', 'https://a/x'],
  ['a path of curl', '/usr/bin/curl https://a/x', 'GET', 'https://a/x'],
  ['no scheme', 'curl a.example/x', 'GET', 'http://a.example/x'],
  ['-X apart', 'curl -X PUT https://a/x', 'PUT', 'https://a/x'],
  ['-X attached', 'curl -XDELETE https://a/x', 'DELETE', 'https://a/x'],
  ['letters together', 'curl -sSLkv -XPATCH https://a/x', 'PATCH', 'https://a/x'],
  ['-I', 'curl -I https://a/x', 'HEAD', 'https://a/x'],
  ['-d makes POST', "curl -d 'a=1' https://a/x", 'POST', 'https://a/x'],
  [
    '-G moves the data into the query',
    "curl -G -d a=1 --data-urlencode 'b=c d' https://a/x?z",
    'GET',
    'https://a/x?z&a=1&b=c%20d',
  ],
  ['--url', 'curl --compressed --url https://a/x --http1.1', 'GET', 'https://a/x'],
  ['quotes within a word', `curl ht'tp's://a/"x y"z`.replace(' y', 'y'), 'GET', 'https://a/xyz'],
  ['a continued line', "curl \\\n  -X POST \\\n  'https://a/x'", 'POST', 'https://a/x'],
  ['a continued line of Windows', "curl \\\r\n  'https://a/x'", 'GET', 'https://a/x'],
  ['ANSI-C quotes', String.raw`curl $'https://a/\x41\u0042\103\'\\'`, 'GET', String.raw`https://a/ABC'\ `.trim()],
  ['dots are removed', 'curl https://a/b/../c/./d/..', 'GET', 'https://a/c/'],
  ['dots stay with --path-as-is', 'curl --path-as-is https://a/b/../c', 'GET', 'https://a/b/../c'],
  ['a user leaves the URL', 'curl https://u:p@a/x', 'GET', 'https://a/x'],
  ['a fragment is not sent', "curl 'https://a/x#y' --url-query z=1", 'GET', 'https://a/x?z=1'],
  ['the end at a pipe', 'curl https://a/x | jq .', 'GET', 'https://a/x'],
  ['the end at a redirection', 'curl https://a/x 2>/dev/null', 'GET', 'https://a/x'],
  [
    'options with a value that do not matter',
    'curl -o out -m 5 --retry 3 -w "%{http_code}" https://a/x',
    'GET',
    'https://a/x',
  ],
])('%s', (_name, line, method, url) => {
  expect(requestOf(line)).toMatchObject({ method, url });
});

test('the headers are those of the command, and those that curl adds', () => {
  const line = `curl -H 'X-A: 1' -H "X-B: \\"2\\"" -H 'X-Empty;' -H 'Accept:' -A me -e https://r/ -b a=1 -b 'b=2' https://a/`;
  expect(headerOf(line, 'x-a')).toEqual(['1']);
  expect(headerOf(line, 'x-b')).toEqual(['"2"']);
  expect(headerOf(line, 'x-empty')).toEqual(['']);
  expect(headerOf(line, 'accept')).toEqual([]);
  expect(headerOf(line, 'user-agent')).toEqual(['me']);
  expect(headerOf(line, 'referer')).toEqual(['https://r/']);
  expect(headerOf(line, 'cookie')).toEqual(['a=1; b=2']);
  expect(headerOf('curl https://a/', 'accept')).toEqual(['*/*']);
});

test('two headers of one name stay two', () => {
  expect(headerOf("curl -H 'X-Key: a' -H 'X-Key: b' https://a/", 'x-key')).toEqual(['a', 'b']);
});

test('credentials of every option', () => {
  const pair = Buffer.from('u:p w').toString('base64');
  expect(headerOf("curl -u 'u:p w' https://a/", 'authorization')).toEqual([`Basic ${pair}`]);
  expect(headerOf('curl https://u:p%20w@a/', 'authorization')).toEqual([`Basic ${pair}`]);
  expect(headerOf('curl --oauth2-bearer t https://a/', 'authorization')).toEqual(['Bearer t']);
  expect(headerOf("curl -u u:p -H 'Authorization: Bearer t' https://a/", 'authorization')).toEqual(['Bearer t']);
  expect(() => readCurlLine('curl -u user https://a/')).toThrow(/ask for the password/);
});

test('a body has its type and its length', () => {
  const line = 'curl --json \'{"a":"é"}\' https://a/';
  expect(headerOf(line, 'content-type')).toEqual(['application/json']);
  expect(headerOf(line, 'accept')).toEqual(['application/json']);
  expect(headerOf(line, 'content-length')).toEqual(['10']);
  expect(headerOf('curl -d a=1 -d b=2 https://a/', 'content-type')).toEqual(['application/x-www-form-urlencoded']);
  expect(headerOf("curl -d x -H 'Content-Type: text/plain' https://a/", 'content-type')).toEqual(['text/plain']);
});

test('bytes that are not ASCII are sent as UTF-8', () => {
  expect(headerOf("curl -H 'X-A: é' https://a/", 'x-a')).toEqual([Buffer.from('é').toString('latin1')]);
});

test.each([
  ['nothing', ''],
  ['another command', 'wget https://a/'],
  ['no URL', 'curl -v'],
  ['two URLs', 'curl https://a/ https://b/'],
  ['an open quote', "curl 'https://a/"],
  ['an open ANSI-C quote', "curl $'https://a/"],
  ['an open double quote', 'curl "https://a/'],
  ['an option without its value', 'curl https://a/ -H'],
  ['an unknown option', 'curl --secret-option https://a/'],
  ['an unknown letter', 'curl -W https://a/'],
  ['a NUL', 'curl https://a/\0'],
  ['a letter of every object', 'curl --constructor https://a/'],
  ['an escape that is no character', "curl $'\\U00FFFFFF' https://a/"],
])('%s is an error that does not repeat the command', (_name, line) => {
  expect(() => readCurlLine(line)).toThrow(/^(?!.*(?:secret-option|https:))/);
});

test.each([
  ['with carets at the ends of lines', 'curl "https://a/" ^\r\n  -H "A: b" ^\r\n  --compressed'],
  ['with carets before quotes', 'curl ^"https://a/^" ^\n  -H ^"A: b^"'],
])('a command for cmd.exe is named, %s', (_name, line) => {
  expect(() => readCurlLine(line)).toThrow(/cmd\.exe.*copy it as cURL \(bash\)/);
});

test('a caret in a value is kept', () => {
  expect(readCurlLine("curl 'https://a/?q=^' -H 'A: ^\"b^'").request).toMatchObject({ url: 'https://a/?q=^' });
  expect(headerOf("curl https://a/x^2 -H 'A: ^\"b^'", 'a')).toEqual(['^"b^']);
});

test('a megabyte takes no long time', () => {
  const start = performance.now();
  for (const text of ["'", '"', '\\', "$'", ' ', 'x', '-H a '].map((piece) => `curl ${piece.repeat(200_000)}`)) {
    try {
      readCurlLine(text);
    } catch {
      // Most of them are errors.
    }
  }
  expect(performance.now() - start).toBeLessThan(20_000);
});
