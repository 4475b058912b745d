/**
 * Valid and invalid requests for testing parsers. The corpus of Node's parser has about 170. These are written anew, at
 * least one of each kind, with the response of a strict server.
 */

export interface RequestBlock {
  readonly name: string;
  readonly bytes: string;
  /** The responses on one connection, in order. Empty: the connection ends without one. */
  readonly answers: readonly number[];
}

const HOST = 'Host: gw\r\n';
const CLOSE = 'Connection: close\r\n';
/** A request whose end closes the connection. */
const last = (line: string, fields = '', body = ''): string =>
  `${line} HTTP/1.1\r\n${HOST}${CLOSE}${fields}\r\n${body}`;
const chunked = (body: string, fields = ''): string =>
  last('POST /public/x', `Transfer-Encoding: chunked\r\n${fields}`, body);

type Row = readonly [name: string, bytes: string, ...answers: readonly number[]];

const SOUND: readonly Row[] = [
  ['a GET of curl', last('GET /public/x', 'User-Agent: curl/8.0\r\nAccept: */*\r\n'), 200],
  [
    'a GET of a browser',
    last(
      'GET /public/favicon.ico',
      'Accept: text/html,*/*;q=0.8\r\nAccept-Language: en-us,en;q=0.5\r\nAccept-Charset: ISO-8859-1,utf-8;q=0.7\r\n',
    ),
    200,
  ],
  ['a name of unusual letters', last('GET /public/x', 'aaaaaaaaaaaaa:++++++++++\r\n'), 200],
  ['a query with a question mark', last('GET /public/x?foo=bar?baz'), 200],
  ['a query with quotes', last('GET /public/x?foo="bar"'), 200],
  ['an empty query', last('GET /public/x?'), 200],
  ['a POST with a length', last('POST /public/x', 'Content-Length: 5\r\n', 'World'), 200],
  ['a POST without a body', last('POST /public/x'), 200],
  ['a body in one chunk', chunked('1e\r\nall your base are belong to us\r\n0\r\n\r\n'), 200],
  ['a body in two chunks', chunked('5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n'), 200],
  ['a body in no chunk', chunked('0\r\n\r\n'), 200],
  ['zeros before the size', chunked('005\r\nhello\r\n00\r\n\r\n'), 200],
  ['sizes in capitals', chunked('A\r\n0123456789\r\n0\r\n\r\n'), 200],
  ['extensions of chunks', chunked('5;ilovew3;somuchlove=aretheseparametersfor\r\nhello\r\n0;x=y\r\n\r\n'), 200],
  ['a quoted extension', chunked('5;a="b c"\r\nhello\r\n0\r\n\r\n'), 200],
  ['trailers', chunked('5\r\nhello\r\n0\r\nVary: *\r\nContent-Type: text/plain\r\n\r\n'), 200],
  ['a method of WebDAV', last('REPORT /public/x'), 200],
  ['a method of UPnP', last('M-SEARCH /public/x'), 200],
  ['a method of CalDAV', last('MKCALENDAR /public/x'), 200],
  ['PATCH', last('PATCH /public/x', 'If-Match: "e0023aa4e"\r\nContent-Length: 10\r\n', 'cccccccccc'), 200],
  ['PURGE', last('PURGE /public/x'), 200],
  ['SEARCH', last('SEARCH /public/x', 'Content-Length: 3\r\n', 'abc'), 200],
  ['LINK', last('LINK /public/x', 'Link: <http://x/>; rel="tag"\r\n'), 200],
  ['SOURCE', last('SOURCE /public/x'), 200],
  ['OPTIONS of a path', last('OPTIONS /public/x'), 200],
  ['an absolute target of this host', last('GET http://gw/public/x'), 200],
  ['HTTP/1.0', 'GET /public/x HTTP/1.0\r\n\r\n', 200],
  ['HTTP/1.0 that would stay', 'GET /public/x HTTP/1.0\r\nConnection: close\r\nHost: gw\r\n\r\n', 200],
  ['HTTP/1.0 with a body', 'POST /public/x HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc', 200],
  ['line ends before the request', `\r\n\r\n${last('GET /public/x')}`, 200],
  [
    'three in one write',
    `GET /public/1 HTTP/1.1\r\n${HOST}\r\nPOST /public/2 HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc${last('GET /public/3')}`,
    200,
    200,
    200,
  ],
  [
    'a kept connection by name',
    `GET /public/x HTTP/1.1\r\n${HOST}Connection: keep-alive\r\n\r\n${last('GET /public/y')}`,
    200,
    200,
  ],
  ['Connection of many options', last('GET /public/x', 'Connection: \t foo, bar\t ,,baz\r\n'), 200],
  ['an empty value', last('GET /public/x', 'Foo:\r\nBar: \r\n'), 200],
  ['no space after the colon', last('GET /public/x', 'Foo:bar\r\n'), 200],
  ['bytes outside ASCII in a value', last('GET /public/x', 'Foo: b\xc3\xa4r\r\n'), 200],
  ['a tab in a value', last('GET /public/x', 'Foo: a\tb\r\n'), 200],
  ['every punctuation character of a name', last('GET /public/x', "!#$%&'*+-.^`|~: x\r\n"), 200],
  ['an unrequested upgrade', last('GET /public/x', 'Sec-WebSocket-Key: x\r\n'), 200],
  ['Expect without a body', last('GET /public/x', 'Expect: 100-continue\r\n'), 200],
  // The parser accepts both and reports neither, and the upstream receives neither.
  ['ICE', `SOURCE /public/x ICE/1.0\r\n${HOST}\r\n`, 200],
  ['CR before anything', `\rGET /public/x HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 200],
  ['escapes in the path', last('GET /public/%E2%9C%93/a%20b'), 200],
];

const REFUSED: readonly Row[] = [
  ['no version', 'GET /public/x\r\n\r\n', 400],
  ['a version in letters', 'GET /public/x HTTP/a.b\r\n\r\n', 400],
  ['a version of two digits', `GET /public/x HTTP/01.1\r\n${HOST}\r\n`, 400],
  ['HTTP/1.2', `GET /public/x HTTP/1.2\r\n${HOST}\r\n`, 400],
  ['HTTP/5.6', `GET /public/x HTTP/5.6\r\n${HOST}\r\n`, 400],
  ['HTTP/0.9', `GET /public/x HTTP/0.9\r\n${HOST}\r\n`, 400],
  ['a version with more after it', `GET /public/x HTTP/1.1x\r\n${HOST}\r\n`, 400],
  ['another protocol', `GET /public/x FTP/1.1\r\n${HOST}\r\n`, 400],
  ['RTSP', `OPTIONS rtsp://gw/public/x RTSP/1.0\r\n${HOST}\r\n`, 400],
  ['an unknown method', last('FROBNICATE /public/x'), 400],
  ['a method in small letters', last('get /public/x'), 400],
  ['a method with punctuation', last('G@T /public/x'), 400],
  ['a method cut short', last('GE /public/x'), 400],
  ['a method with more after it', last('GETS /public/x'), 400],
  ['no method', last(' /public/x'), 400],
  ['no target', last('GET'), 400],
  ['two targets', last('GET /public/x /y'), 400],
  ['an absolute target of another host', last('GET http://other/public/x'), 400],
  ['a target without a slash', last('GET public/x'), 400],
  ['an asterisk', last('GET *'), 400],
  ['OPTIONS of everything', last('OPTIONS *'), 400],
  ['a control byte in the target', last('GET /public/\x01x'), 400],
  ['DEL in the target', last('GET /public/\x7fx'), 400],
  ['bytes outside ASCII in the target', last('GET /public/\xe2\x9c\x93'), 400],
  ['a fragment', last('GET /public/x#fragment'), 400],
  ['CONNECT with an authority', `CONNECT gw:443 HTTP/1.1\r\n${HOST}\r\nblarfcicle`, 405],
  ['TRACE', last('TRACE /public/x'), 405],
  ['no Host', 'GET /public/x HTTP/1.1\r\n\r\n', 400],
  ['two Hosts', `GET /public/x HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400],
  ['a space in a name', last('GET /public/x', 'Fo o: bar\r\n'), 400],
  ['a space before the colon', last('GET /public/x', 'Foo : bar\r\n'), 400],
  ['a forbidden character in a name', last('GET /public/x', 'Fo@: bar\r\n'), 400],
  ['a name in brackets', last('GET /public/x', '(Foo): bar\r\n'), 400],
  ['a name with a byte outside ASCII', last('GET /public/x', 'F\xf6\xf6: bar\r\n'), 400],
  ['no colon', last('GET /public/x', 'Foo\r\n'), 400],
  ['a control byte in a value', last('GET /public/x', 'Foo: b\x01r\r\n'), 400],
  ['DEL in a value', last('GET /public/x', 'Foo: b\x7fr\r\n'), 400],
  ['a folded line', last('GET /public/x', 'Line1:   abc\r\n\tdef\r\n ghi\r\n'), 400],
  ['a folded Connection', last('GET /public/x', 'Connection:\r\n close\r\n'), 400],
  ['a line that ends with only CR', `GET /public/x HTTP/1.1\r\n${HOST}Foo: bar\rBaz: x\r\n\r\n`, 400],
  ['lines that end with only LF', 'GET /public/x HTTP/1.1\nHost: gw\n\n', 400],
  ['a space before the first line', ` GET /public/x HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['a length in letters', last('POST /public/x', 'Content-Length: foo\r\n'), 400],
  ['a negative length', last('POST /public/x', 'Content-Length: -5\r\n'), 400],
  ['a length of two words', last('POST /public/x', 'Content-Length: 4 2\r\n'), 400],
  ['a length that is empty', last('POST /public/x', 'Content-Length:\r\n'), 400],
  ['a huge length', last('POST /public/x', 'Content-Length: 1000000000000000000000\r\n'), 400],
  ['two lengths', last('PUT /public/x', 'Content-Length: 1\r\nContent-Length: 2\r\n', 'ab'), 400],
  ['a length and chunks', last('PUT /public/x', 'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'), 400],
  ['an unknown coding', last('PUT /public/x', 'Transfer-Encoding: pigeons\r\n'), 400],
  ['chunks before another coding', last('POST /public/x', 'Transfer-Encoding: chunked, deflate\r\n'), 400],
  ['chunks and more in one word', last('POST /public/x', 'Transfer-Encoding: chunkedchunked\r\n'), 400],
  ['identity', last('POST /public/x', 'Transfer-Encoding: identity\r\n'), 400],
  ['chunks in HTTP/1.0', 'POST /public/x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  ['a chunk size in letters', chunked('z\r\nhello\r\n0\r\n\r\n'), 400],
  ['a huge chunk size', chunked('a000000000000000000000000\r\n'), 400],
  ['a chunk size with a space', chunked('a \r\n0123456789\r\n0\r\n\r\n'), 400],
  ['a chunk without its end', chunked('5\r\nhello5\r\nworld\r\n0\r\n\r\n'), 400],
  ['a control byte in an extension', chunked('5;a\x01b\r\nhello\r\n0\r\n\r\n'), 400],
  ['a trailer without a name', chunked('5\r\nhello\r\n0\r\n: x\r\n\r\n'), 400],
  [
    'an upgrade of a POST',
    `POST /public/x HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 15\r\n\r\nsweet post body`,
    400,
  ],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['SSH', 'SSH-2.0-OpenSSH_9.9\r\n', 400],
  ['a redis command', '*1\r\n$4\r\nPING\r\n', 400],
  ['zeros', '\0'.repeat(64), 400],
  ['an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 400],
  ['a PROXY line', `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n${last('GET /public/x')}`, 400],
  ['a line of 20 KiB', last(`GET /public/${'x'.repeat(20_480)}`), 431],
  ['a value of 20 KiB', last('GET /public/x', `Foo: ${'x'.repeat(20_480)}\r\n`), 431],
  ['a hundred and one fields', last('GET /public/x', 'Foo: x\r\n'.repeat(101)), 431],
];

/** Bytes after the last request of a connection are never a request. */
const BEHIND: readonly Row[] = [
  ['a valid request, then none', `GET /public/x HTTP/1.1\r\n${HOST}\r\nnonsense`],
  ['a refused request, then another', `GET /public/x HTTP/1.1\r\n${HOST}Foo : x\r\n\r\n${last('GET /public/y')}`, 400],
  [
    'an ignored upgrade, then none',
    `GET /public/x HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: foo\r\n\r\nHot diggity dogg`,
    200,
  ],
];

const blocks = (rows: readonly Row[]): readonly RequestBlock[] =>
  rows.map(([name, bytes, ...answers]) => ({ name, bytes, answers }));

export const sound = blocks(SOUND);
export const refused = blocks(REFUSED);
export const behind = blocks(BEHIND);
