import fc from 'fast-check';
import { readTarget } from '../../src/http/target.js';
import { judging, type Judge } from '../support/judge.js';
import { cases } from '../support/fast-check-runs.js';
import { growsInProportion } from '../support/growth.js';

const segmentsOf = (url: string) => {
  const target = readTarget(url);
  return target.kind === 'target' ? target.segments : undefined;
};

describe('honest paths', () => {
  it.each([
    ['/', []],
    ['/a', ['a']],
    ['/a/', ['a']],
    ['/a%20b/c', ['a b', 'c']],
    ['/@me/~x/a+b', ['@me', '~x', 'a+b']],
    ['/caf%C3%A9', ['café']],
    ['/%E6%97%A5%E6%9C%AC/', ['日本']],
    ['/a.b/c..d', ['a.b', 'c..d']],
    ['/.well-known/jwks.json', ['.well-known', 'jwks.json']],
    ['/..a/.../a..', ['..a', '...', 'a..']],
    ['/a?b=/../c', ['a']],
    ['/a?x=%2e%2e&y=\\&z=;', ['a']],
    ['/a?', ['a']],
    ['/a??x', ['a']],
    ['/100%25', ['100%']],
    ['/100%25/2e', ['100%', '2e']],
    ['/a%25zz', ['a%zz']],
    ["/a:b/(c)/d,e/f=g/h!i/j'k/l*m/n$o&p", ['a:b', '(c)', 'd,e', 'f=g', 'h!i', "j'k", 'l*m', 'n$o&p']],
    ['/a"b/<c>/[d]/{e}/f|g/h^i/`j', ['a"b', '<c>', '[d]', '{e}', 'f|g', 'h^i', '`j']],
    ['/%61%2D%7E', ['a-~']],
    ['/a;v=1', ['a;v=1']],
    ['/a%3Bv=1/b;', ['a;v=1', 'b;']],
    ['/a/C%23', ['a', 'C#']],
    ['/a/who%3F.pdf', ['a', 'who?.pdf']],
    ['/a;b?c;d', ['a;b']],
    ['/;jsessionid=1', [';jsessionid=1']],
  ])('%s passes', (url, segments) => {
    expect(segmentsOf(url)).toEqual(segments);
    expect(readTarget(url)).toMatchObject({ raw: url, path: url.replace(/\?.*/, ''), hasEncodedSlash: false });
  });
});

describe('paths that two readers could differ on', () => {
  it.each([
    ['of another form', ['', '*', 'a', '?x', 'internal/x', 'gw:443', 'http:/a', 'ftp://gw/a', 'http://gw/a'], 'form'],
    ['with an empty segment', ['//', '//a', '/a//b', '/a//', '//internal/public/x', '//x@x', '/@@//['], 'segment'],
    ['with a raw dot segment', ['/a/../b', '/./a', '/a/..', '/a/.', '/..', '/.', '/../', '/a/./'], 'segment'],
    [
      'with an encoded dot segment',
      ['/%2e%2e/a', '/%2E%2e/a', '/.%2e/a', '/%2e./a', '/a/%2e', '/a/%2E', '/a/%2e%2E/'],
      'segment',
    ],
    [
      'with dots and white space',
      ['/a/..%20/b', '/a/.%20', '/a/%20../b', '/a/..%C2%A0/b', '/a/..%E3%80%80'],
      'segment',
    ],
    ['with dots beside an encoded slash', ['/a/%2f/..', '/a%2f..%2fb', '/a%2f..', '/..%2Fa', '/a%2f.%2e'], 'segment'],
    ['with nothing beside an encoded slash', ['/a%2F%2Fb', '/a%2f/b', '/%2f', '/%2Fa'], 'segment'],
    [
      'with dots or nothing before a mark',
      [
        '/a/..;/b',
        '/public;x/../internal',
        '/a/..%3b/b',
        '/a/..%3f',
        '/a/..%23/b',
        '/a/.;b',
        '/a/%2e%2e;x',
        '/;x/b',
        '/a/%3f/b',
      ],
      'segment',
    ],
    ['with more marks than readings', [`/${'a;b/'.repeat(40)}`, `/a${';b'.repeat(100)}`], 'too_many_readings'],
    ['with a raw #, \\ or space', ['/a#b', '/a#/../b', '/a\\b', '/a\\..\\b', '/a b'], 'character'],
    [
      'with a raw control byte or none of ASCII',
      ['/a\u0000', '/a\u007f', '/a\tb', '/a\r\nb', '/é', '/a?é'],
      'character',
    ],
    ['with a bad query', ['/a?x#y', '/a?x y', '/a?\u0000', '/a?\u007f'], 'character'],
    ['with an encoded \\', ['/a%5cb', '/a%5Cb'], 'escape'],
    ['with an encoded control byte', ['/a%00', '/a%00/../b', '/a%0d%0aX-User-ID:b', '/a%7f', '/a%c2%85'], 'escape'],
    ['with a broken escape', ['/a%', '/a%2', '/a%zz', '/%', '/a%u002e', '/%-1'], 'escape'],
    ['with no UTF-8', ['/%c0%af', '/%ff', '/%ed%a0%80', '/%e9', '/%f8%88%80%80%80'], 'escape'],
    [
      'escaped twice',
      ['/a%252e', '/a%252fb', '/%25%32%65', '/%2%35', '/a%25u002e', '/%252e%252e/a', '/%255c'],
      'escape',
    ],
  ])('are refused %s', (_what, urls, reason) => {
    for (const url of urls) {
      const target = readTarget(url);
      // A broken escape in a segment before the fault may be seen first.
      expect([url, target.kind]).toEqual([url, 'bad']);
      expect([url, target]).toEqual([url, { kind: 'bad', reason }]);
    }
  });

  it('are refused in every case of their escapes alike', () => {
    for (const url of ['/a%2eb', '/%2e%2e/a', '/a%5cb', '/a%2fb', '/a/%2f', '/%c3%a9', '/a%3bb']) {
      const upper = url.replace(/%../g, (escape) => escape.toUpperCase());
      const seen = [url, upper].map((each) => {
        const target = readTarget(each);
        return target.kind === 'target' ? target.hasEncodedSlash : target.reason;
      });
      expect(new Set(seen).size).toBe(1);
    }
  });

  it('signals an encoded slash in either case instead of deciding on it', () => {
    for (const url of ['/a%2fb', '/a%2Fb'])
      expect(readTarget(url)).toMatchObject({ kind: 'target', hasEncodedSlash: true, segments: ['a/b'] });
    expect(readTarget('/a/b')).toMatchObject({ kind: 'target', hasEncodedSlash: false });
  });
});

describe('an absolute-form target', () => {
  it.each([
    ['http://gw/a?x', 'gw', '/a?x'],
    ['HTTP://GW/a', 'gw', '/a'],
    ['https://gw:8443/a', 'GW:8443', '/a'],
    ['http://gw', 'gw', '/'],
    ['http://gw?x', 'gw', '/?x'],
    ['http://[::1]:80/a', '[::1]:80', '/a'],
  ])('%s is read for Host %s', (url, host, raw) => {
    expect(readTarget(url, { host })).toMatchObject({ kind: 'target', raw });
  });

  it.each([
    ['http://evil.example/public/x', 'gw'],
    ['http://gw@public/internal/x', 'gw'],
    ['http://gw@public/internal/x', 'public'],
    ['http://gw:80/a', 'gw'],
    ['http:///a', ''],
    ['http://gw\\@evil/a', 'gw'],
    ['http://gw#/a', 'gw'],
    ['ws://gw/a', 'gw'],
  ])('%s is refused for Host %s', (url, host) => {
    expect(readTarget(url, { host })).toEqual({ kind: 'bad', reason: 'form' });
  });

  it('is judged by the path behind the authority', () => {
    for (const path of ['/a/../b', '//a', '/..;b', '/%2e%2e/a'])
      expect(readTarget(`http://gw${path}`, { host: 'gw' }).kind).toBe('bad');
  });
});

describe('the target of a real request', () => {
  let node: Judge;

  beforeAll(async () => {
    node = await judging({ insecureHTTPParser: true });
  });

  afterAll(() => node.close());

  const ask = (target: string, method = 'GET') =>
    node
      .ask(`${method} ${target} HTTP/1.1\r\nHost: gw\r\n\r\n`, (req) => readTarget(req.url ?? '', { host: 'gw' }))
      .catch(() => ({ kind: 'bad' as const }));

  it.each(['/a%20b/@c/~d?x=1', '/caf%C3%A9', 'http://gw/a', '/'])('%s passes', async (target) => {
    expect((await ask(target)).kind).toBe('target');
  });

  it.each([
    'http://evil.example/a',
    '//a',
    '*',
    'a',
    '/a/../b',
    '/a\xe9',
    '/a\x7f',
    '/a\x00b',
    '/a#b',
    '/a\\b',
    '/a%0d%0aX-User-ID:admin',
    '/a?\xe9',
  ])('%j is refused by Node or by us', async (target) => {
    expect((await ask(target)).kind).toBe('bad');
  });

  it('refuses the asterisk of OPTIONS', async () => {
    expect((await ask('*', 'OPTIONS')).kind).toBe('bad');
    expect((await ask('/a', 'OPTIONS')).kind).toBe('target');
  });
});

describe('any target', () => {
  const piece = fc.constantFrom(
    ...[
      '/',
      '.',
      '..',
      '%2e',
      '%2E',
      '%2f',
      '%5c',
      ';',
      'a',
      'B',
      '%61',
      '%25',
      '2e',
      '\\',
      '//',
      '%',
      '#',
      '%23',
      '%3b',
      '%3f',
      '?',
      '%20',
    ],
  );
  const url = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`);

  it('that is accepted is read alike by every normaliser of an upstream', () => {
    fc.assert(
      fc.property(url, (text) => {
        const target = readTarget(text);
        fc.pre(target.kind === 'target' && !target.hasEncodedSlash);
        expect(new URL(`http://h${text}`).pathname).toBe(target.path);
        expect(target.path).not.toMatch(/\/\/|\\/);
        const once = target.segments.join('/');
        const twice = once.replace(/%[0-9a-f]{2}/gi, (escape) => decodeURIComponent(escape));
        expect(twice).toBe(once);
        const read = [target.segments, ...target.readings.map(({ segments }) => segments)];
        for (const segment of read.flat()) expect(segment.trim()).not.toMatch(/^\.{1,2}$|\\/);
      }),
      cases(5_000, { cost: 10 }),
    );
  });

  it('reads the same segments with and without one trailing slash', () => {
    fc.assert(
      fc.property(url, (text) => {
        fc.pre(!/[?]|\/$/.test(text));
        expect(segmentsOf(`${text}/`)).toEqual(segmentsOf(text));
      }),
      cases(100, { cost: 10 }),
    );
  });

  it.each(['/a', '/..a', '/%20', 'a'.repeat(1_000), '/a.', '%20', '((', '/%C4%B1', '/a;', ';'])(
    'of %j is read in time linear in its length',
    (unit) => {
      const textOf = (length: number): string => `/x${unit.repeat(Math.ceil(length / unit.length))}`;
      expect(growsInProportion(textOf, (text) => void readTarget(text))).toBe(true);
    },
  );
});
