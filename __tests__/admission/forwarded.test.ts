import type { IncomingMessage } from 'node:http';
import { prepareForward } from '../../src/admission/forwarded.js';
import { anyCertificate, chunkedPost, getWith, judging, type Judge } from '../support/judge.js';

let node: Judge;

beforeAll(async () => {
  node = await judging();
});

afterAll(() => node.close());

interface Sent {
  /** The field lines in order, without Host. */
  readonly fields: readonly string[];
  /** All values of a field, in any case of its name. */
  readonly of: (name: string) => readonly string[];
  readonly views: string;
}

function prepared(req: IncomingMessage, trusted: (address: string) => boolean): Sent {
  prepareForward(req, { trusted });
  const { rawHeaders, headers, headersDistinct } = req;
  const fields = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1] ?? ''}`] : []));
  const of = (name: string) =>
    fields.filter((field) => field.toLowerCase().startsWith(`${name}: `)).map((field) => field.slice(name.length + 2));
  return { fields: fields.slice(1), of, views: JSON.stringify([headers, headersDistinct, rawHeaders]) };
}

const TRUST_NONE = () => false;
const send = (lines: readonly string[], trusted: (address: string) => boolean = TRUST_NONE) =>
  node.ask(getWith(...lines), (req) => prepared(req, trusted));
const proxied = (lines: readonly string[]) => send(lines, (address) => address === '127.0.0.1');

/** What the client sent that went on: all but what we say of the client ourselves. */
const fromClient = ({ fields }: Sent) =>
  fields.filter((field) => !/^X-(?:Forwarded-(?:For|Proto|Host|Port)|Real-IP): /.test(field));

describe('fields that end at this hop', () => {
  it.each([
    'Connection: keep-alive',
    'Keep-Alive: timeout=5',
    'Proxy-Connection: close',
    'Proxy-Authorization: Basic x',
    'Proxy-Authenticate: Basic',
    'TE: trailers',
    'Trailer: X-Sum',
    'Upgrade: websocket',
    'HTTP2-Settings: AAMAAABkAAQAAP__',
    'Proxy: http://evil',
    'X-Original-URL: /admin',
    'X-Original-URI: /admin',
    'x_original_url: /admin',
    'X-Original-Method: DELETE',
    'X-Rewrite-URL: /admin',
    'X.Rewrite.URL: /admin',
    'X-HTTP-Method-Override: DELETE',
    'X_HTTP_Method_Override: DELETE',
    'X-HTTP-Method: DELETE',
    'X-Method-Override: DELETE',
    'X-Envoy-Original-Path: /public',
    'X-Middleware-Subrequest: middleware',
    'X-Replaced-Path: /admin',
    'X-Override-URL: /admin',
    'X-Proxy-URL: /admin',
    'X-Waws-Unencoded-URL: /admin',
    'X_WAWS_UNENCODED_URL: /admin',
    'Base-Url: /admin',
    'Url: /admin',
    'Uri: /admin',
    'Http-Url: /admin',
    'Script-Name: /admin',
    'PATH_INFO: /admin',
    'Request-Uri: /admin',
    'X-Http-DestinationURL: /admin',
    'X-Accel-Mapping: /=/srv/',
    'X-Sendfile-Type: X-Accel-Redirect',
    'X-Forwarded-User: admin',
    'X-Forwarded-Groups: admins',
    'Remote-User: admin',
    '__proto__: x',
    'constructor: x',
    'hasOwnProperty: x',
    'toString: x',
  ])('are removed for every sender: %s', async (line) => {
    for (const ask of [send, proxied]) {
      const sent = await ask([line, line.toUpperCase().replace(/:.*/, ': 2'), 'X-Other: kept']);
      expect(fromClient(sent)).toEqual(['X-Other: kept']);
    }
  });

  it.each([
    'Authorization: Bearer x',
    'Cookie: a=1',
    'Accept: */*',
    'Proxy-Status: x',
    'X-Original: x',
    'X-Real: x',
    'Via: 1.1 a',
    'Traceparent: 00-1-2-03',
    'Expect: x',
    'Sec-WebSocket-Key: x',
    'X_Custom: 1',
  ])('are not %s', async (line) => {
    // Node answers an expectation it does not know itself.
    const sent = await send([line.replace('Expect', 'X-Expect')]);
    expect(fromClient(sent)).toEqual([line.replace('Expect', 'X-Expect')]);
  });

  it('are what Connection names, in every line and any case, but never framing', async () => {
    const lines = ['Connection: X-Secret, x-hop', 'Connection:  X-LAST ', 'x-secret: 1', 'X-Hop: 2', 'x-last: 3'];
    expect(fromClient(await send([...lines, 'X-Other: kept']))).toEqual(['X-Other: kept']);
    const post = chunkedPost(['Connection: Transfer-Encoding, Content-Length, Host', 'X-A: 1'], []);
    const { fields, of } = await node.ask(post, (req) => prepared(req, TRUST_NONE));
    expect(fields).toEqual(expect.arrayContaining(['Transfer-Encoding: chunked', 'X-A: 1']));
    expect(of('host')).toEqual(['gw']);
  });

  it.each(['NTLM TlRMTVNT', 'negotiate YII=', 'Negotiate', 'ntlm'])(
    'are credentials of the connection: %s',
    async (value) => {
      expect(fromClient(await send([`Authorization: ${value}`]))).toEqual([]);
      expect(fromClient(await send([`Authorization: x${value}`]))).toEqual([`Authorization: x${value}`]);
    },
  );
});

describe('claims about the client', () => {
  const claims = [
    'Forwarded: for=1.2.3.4;proto=https',
    'X-Forwarded: 1.2.3.4',
    'X-Forwarded-For: 1.2.3.4',
    'X-Forwarded-Proto: ftp',
    'X-Forwarded-Host: evil/x?y',
    'X-Forwarded-Port: 4433',
    'X-Forwarded-Prefix: /x',
    'X-Forwarded-Client-Cert: Hash=1',
    'X-Forwarded-User: admin',
    'X-Real-IP: 1.2.3.4',
    'X-Client-IP: 1.2.3.4',
    'X-Cluster-Client-IP: 1.2.3.4',
    'True-Client-IP: 1.2.3.4',
    'CF-Connecting-IP: 1.2.3.4',
    'Fastly-Client-IP: 1.2.3.4',
    'X-SSL-Client-Verify: SUCCESS',
    'SSL-Client-Cert: x',
    'Client-Cert: :x:',
    'X-Envoy-External-Address: 1.2.3.4',
    'X-Original-Host: evil',
    'X-Host: evil',
  ];

  it.each(claims)('are ignored if the sender is not a trusted proxy: %s', async (line) => {
    const value = line.slice(line.indexOf(': ') + 2);
    const [name = ''] = line.split(':');
    const sent = await send([line, `${name.toLowerCase()}: ${value}`, `${name.replaceAll('-', '_')}: ${value}`]);
    expect(fromClient(sent)).toEqual([]);
    expect(sent.views).not.toContain(`"${value}"`);
  });

  it.each(claims.filter((line) => !line.startsWith('X-Forwarded-User')))(
    'go on from a trusted proxy: %s',
    async (line) => {
      const name = line.slice(0, line.indexOf(':')).toLowerCase();
      expect((await proxied([line])).of(name).join()).toContain(line.slice(name.length + 2));
    },
  );

  it.each(claims.filter((line) => /^\S+-/.test(line)))('with underscores are never forwarded: %s', async (line) => {
    const alias = line.replace(/^[^:]+/, (name) => name.replaceAll('-', '_'));
    expect(fromClient(await proxied([alias, 'X-Other: kept']))).toEqual(['X-Other: kept']);
  });
});

describe('what the upstream receives about the client', () => {
  it('is the socket, whatever the client says', async () => {
    const forged = ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: evil', 'X-Real-IP: 6'];
    const { of, views } = await send([...forged, 'X-Forwarded-Port: 443', 'X-Forwarded-For: 7.7.7.7']);
    expect(of('x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(of('x-real-ip')).toEqual(['127.0.0.1']);
    expect(of('x-forwarded-proto')).toEqual(['http']);
    expect(of('x-forwarded-host')).toEqual(['gw']);
    expect(of('x-forwarded-port')).toEqual([expect.stringMatching(/^\d+$/)]);
    expect(views).not.toMatch(/6\.6|7\.7|evil|"443"/);
  });

  it('goes on from what a trusted proxy said, one entry longer', async () => {
    const lines = ['X-Forwarded-For: 1.2.3.4', 'X-Forwarded-For: 5.6.7.8', 'X-Forwarded-Proto: https'];
    const { of } = await proxied([...lines, 'X-Forwarded-Host: site.example', 'X-Forwarded-Port: 443']);
    expect(of('x-forwarded-for')).toEqual(['1.2.3.4, 5.6.7.8, 127.0.0.1']);
    expect(of('x-real-ip')).toEqual([]);
    expect(of('x-forwarded-proto')).toEqual(['https']);
    expect(of('x-forwarded-host')).toEqual(['site.example']);
    expect(of('x-forwarded-port')).toEqual(['443']);
  });

  it.each([
    [['X-Forwarded-Proto: https'], '443'],
    [['X-Forwarded-Proto: http'], '80'],
    [['X-Forwarded-Proto: HTTPS, http'], '443'],
    [['X-Forwarded-Proto: https', 'X-Forwarded-Host: site.example'], '443'],
    [['X-Forwarded-Proto: https', 'X-Forwarded-Host: site.example:8443'], '8443'],
    [['X-Forwarded-Proto: https', 'X-Forwarded-Host: [2001:db8::1]'], '443'],
    [['X-Forwarded-Host: [2001:db8::1]:8080'], '8080'],
    [['X-Forwarded-Proto: spdy'], undefined],
    [['X-Forwarded-Proto: constructor'], undefined],
    [['X-Forwarded-Proto: __proto__'], undefined],
    [['X-Forwarded-Host: site.example:65535'], '65535'],
    [['X-Forwarded-Host: site.example:65536'], undefined],
    [['X-Forwarded-Host: site.example:0'], undefined],
    [['X-Forwarded-Proto: https', 'X-Forwarded-Port: 9443'], '9443'],
  ])('has the port that clients of a trusted proxy know: %j', async (lines, port) => {
    expect((await proxied(lines)).of('x-forwarded-port')).toEqual(port === undefined ? [] : [port]);
  });

  it('is the proxy itself where it says nothing, and its X-Real-IP where it says that', async () => {
    const silent = await proxied([]);
    expect([silent.of('x-forwarded-for'), silent.of('x-real-ip')]).toEqual([['127.0.0.1'], ['127.0.0.1']]);
    expect((await proxied(['X-Real-IP: 1.2.3.4'])).of('x-real-ip')).toEqual(['1.2.3.4']);
  });

  it('is what the proxy says even if Connection names its headers', async () => {
    const { of } = await proxied([
      'X-Forwarded-For: 1.2.3.4',
      'X-Forwarded-Proto: https',
      'Connection: x-forwarded-for, X-Forwarded-Proto',
    ]);
    expect([of('x-forwarded-for'), of('x-forwarded-proto')]).toEqual([['1.2.3.4, 127.0.0.1'], ['https']]);
  });

  it('says https on TLS, and no host where none was named', async () => {
    const secure = await judging({ tls: await anyCertificate() });
    const { of } = await secure.ask(getWith('X-Forwarded-Proto: http'), (req) => prepared(req, TRUST_NONE));
    expect(of('x-forwarded-proto')).toEqual(['https']);
    await secure.close();
    const old = await node.ask('GET / HTTP/1.0\r\n\r\n', (req) => prepared(req, TRUST_NONE));
    expect(old.of('x-forwarded-host')).toEqual([]);
  });

  it.each([
    ['::ffff:10.0.0.7', '10.0.0.7'],
    ['::FFFF:10.0.0.7', '10.0.0.7'],
    ['fe80::1%eth0', 'fe80::1'],
    ['2001:db8::1', '2001:db8::1'],
  ])('names the peer %s as %s', async (address, plain) => {
    const asked: string[] = [];
    const { of } = await node.ask(getWith(), (req) => {
      Object.defineProperty(req.socket, 'remoteAddress', { value: address });
      return prepared(req, (peer) => (asked.push(peer), false));
    });
    expect(of('x-forwarded-for')).toEqual([plain]);
    expect(asked).toEqual([plain]);
  });

  it('says nothing of a peer that is gone', async () => {
    const { of } = await node.ask(getWith('X-Forwarded-For: 6.6.6.6', 'X-Real-IP: 6.6.6.6'), (req) => {
      Object.defineProperty(req.socket, 'remoteAddress', { value: undefined });
      return prepared(req, TRUST_NONE);
    });
    expect([of('x-forwarded-for'), of('x-real-ip')]).toEqual([[], []]);
  });
});
