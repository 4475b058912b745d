import { createFramingCheck, MAX_FIELDS } from '../../src/http/framing.js';
import { getWith, judging, type Judge } from '../support/judge.js';

const check = createFramingCheck(['X-API-Key']);

/** The server of a host may use a lenient parser. The check then receives requests that a strict parser refuses. */
let lenient: Judge;

beforeAll(async () => {
  lenient = await judging({ insecureHTTPParser: true, requireHostHeader: false, maxHeaderSize: 65_536 });
});

afterAll(() => lenient.close());

const statusOf = (bytes: string) => lenient.ask(bytes, (req) => check(req)?.status ?? 'passes');
const request = (...lines: readonly string[]) => ['POST / HTTP/1.1', ...lines, '', ''].join('\r\n');

describe('more fields than any Node line keeps', () => {
  const fields = (count: number) => Array.from({ length: count - 1 }, (_, at) => `X-${at}: v`);

  it('refuses one more than the limit with 431, and lets the limit pass', async () => {
    expect(await statusOf(getWith(...fields(MAX_FIELDS)))).toBe('passes');
    expect(await statusOf(getWith(...fields(MAX_FIELDS + 1)))).toBe(431);
  });

  it('counts lines of one name one by one', async () => {
    expect(await statusOf(getWith(...fields(400).map(() => 'X-A: v')))).toBe(431);
  });
});

describe('Host', () => {
  it.each(['gw', 'GW.example', 'gw.example.', 'gw:8443', 'a_b.example', '127.0.0.1:1', '[::1]', '[2001:db8::1]:443'])(
    'lets the plain authority %s pass',
    async (host) => {
      expect(await statusOf(request(`Host: ${host}`))).toBe('passes');
    },
  );

  it.each([
    '',
    'a,b',
    'a b',
    'user@gw',
    'gw/path',
    'gw?x',
    'gw#x',
    'gw:',
    'gw:80:80',
    'gw:port',
    '.gw',
    'gw..',
    'a";for=127.0.0.1',
    '[::1',
    '::1',
    '\xe9',
    `${'a'.repeat(300)}`,
  ])('refuses the authority %j', async (host) => {
    expect(await statusOf(request(`Host: ${host}`))).toBe(400);
  });

  it('refuses none and two, even two equal ones, but lets HTTP/1.0 do without', async () => {
    expect(await statusOf(request())).toBe(400);
    expect(await statusOf(request('Host: gw', 'Host: gw'))).toBe(400);
    expect(await statusOf('GET / HTTP/1.0\r\n\r\n')).toBe('passes');
    expect(await statusOf('GET / HTTP/1.0\r\nHost: gw\r\nHost: gw\r\n\r\n')).toBe(400);
  });
});

describe('the version', () => {
  it.each(['0.9', '2.0'])('HTTP/%s on an HTTP/1 connection is refused: its framing is not defined', async (version) => {
    expect(await statusOf(`GET / HTTP/${version}\r\nHost: gw\r\n\r\n`).catch(() => 400)).toBe(400);
  });
});

describe('the framing of the body', () => {
  it.each([
    ['a length', ['Content-Length: 0']],
    ['chunks', ['Transfer-Encoding: chunked']],
    ['chunks in another case', ['Transfer-Encoding: Chunked']],
    ['no body', []],
  ])('lets %s pass', async (_what, lines) => {
    expect(await statusOf(request('Host: gw', ...lines))).toBe('passes');
  });

  it.each([
    ['two lengths', ['Content-Length: 1', 'Content-Length: 1']],
    ['a length and chunks', ['Content-Length: 1', 'Transfer-Encoding: chunked']],
    ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 1']],
    ['another coding before chunks', ['Transfer-Encoding: gzip, chunked']],
    ['chunks twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
    ['identity', ['Transfer-Encoding: identity', 'Transfer-Encoding: chunked']],
  ])('refuses %s, also if the parser accepted it', async (_what, lines) => {
    expect(await statusOf(request('Host: gw', ...lines)).catch(() => 400)).toBe(400);
  });

  it('refuses chunks of HTTP/1.0, and lets its length pass', async () => {
    const old = (line: string) => `POST / HTTP/1.0\r\nHost: gw\r\n${line}\r\n\r\n`;
    expect(await statusOf(old('Transfer-Encoding: chunked'))).toBe(400);
    expect(await statusOf(old('Content-Length: 0'))).toBe('passes');
  });

  it.each(['', '+3', '0x3', '3,3', '-1', '3;', '1'.repeat(16)])('refuses the length %j', async (length) => {
    expect(await statusOf(request('Host: gw', `Content-Length: ${length}`)).catch(() => 400)).toBe(400);
  });
});

describe('names that another reader takes for framing', () => {
  it.each([
    'Transfer_Encoding: chunked',
    'Transfer.Encoding: chunked',
    'content_length: 5',
    'CONTENT_LENGTH: 5',
    'Content~Length: 5',
  ])('refuses %s', async (line) => {
    expect(await statusOf(getWith(line))).toBe(400);
  });

  it.each(['Content_Type: a', 'X_Length: 5', 'Trailer: X-Sum', 'Expect: 100-continue', 'TE: trailers'])(
    'lets %s pass',
    async (line) => {
      expect(await statusOf(getWith(line).replace('GET', 'POST')).catch(String)).toBe('passes');
    },
  );
});

describe('Connection', () => {
  it.each([
    'Transfer-Encoding',
    'close, content-length',
    'HOST',
    'Authorization',
    'keep-alive,  cookie ',
    'X-API-Key',
    'x-api-key',
    'x_api_key',
    'Sec-WebSocket-Protocol',
  ])('refuses one that names %s', async (named) => {
    expect(await statusOf(getWith(`Connection: ${named}`))).toBe(400);
  });

  it('refuses a name in any line of several, and among hundreds', async () => {
    expect(await statusOf(getWith('Connection: close', 'Connection: authorization'))).toBe(400);
    const tokens = Array.from({ length: 500 }, (_, at) => `t${at}`).join(',');
    expect(await statusOf(getWith(`Connection: ${tokens},cookie`))).toBe(400);
    expect(await statusOf(getWith(`Connection: ${tokens}`))).toBe('passes');
  });

  it.each(['close', 'keep-alive', 'close, X-User-ID', 'X-Trace, TE', 'x-api-key-2', ''])(
    'lets %j pass',
    async (named) => {
      expect(await statusOf(getWith(`Connection: ${named}`))).toBe('passes');
    },
  );
});
