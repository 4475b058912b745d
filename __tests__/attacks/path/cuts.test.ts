/** Paths with `;`, `?` or `#` in a name: upstreams, caches and logs end such paths at different places. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import express from 'express';
import { LimitRules } from '../../../src/admission/limit-rules.js';
import { parsePattern, type Pattern } from '../../../src/config/pattern.js';
import { readTarget, type Target } from '../../../src/http/target.js';
import { printable } from '../../../src/cli/terminal.js';
import { loom } from '../../../src/loom.js';
import { createLog } from '../../../src/observe/log.js';
import { accessChanges } from '../../../src/routing/access-changes.js';
import type { Ruled } from '../../../src/routing/access-rules.js';
import { compile } from '../../config/files.js';
import { askBytes, statusOf } from '../../support/ask.js';
import { closeGrounds, echo, get, openGround, type Ground } from '../../support/attack-ground.js';
import { handshake } from '../../support/handshake.js';
import { forwarding } from '../../support/path-worlds.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed } from '../../support/recording-upstream.js';
import { bearerLine, tried } from '../../support/trying.js';
import { until } from '../../support/until.js';

const OPEN = 'auth: none';
const KEY = 'auth: { api_key: true }';
const JWT = 'auth: { jwt: true }';
const world = (...routes: readonly string[]) => forwarding({ name: '', routes, guards: {} });

/** Each mark that ends a path, as clients send it. */
const MARKS = [';', ';v=1', '%3b', '%3Bx', '%3f', '%3Fx=1', '%23', '%23x'];

describe('G-29 a path that an upstream cuts short', () => {
  test.each([
    ['a segment of an open route', [`path: "/a/:id/docs", ${OPEN}`, `path: "/a/:id", ${JWT}`], '/a/x', '/docs'],
    ['a route of another requirement', [`path: "/a/:id/docs", ${KEY}`, `path: "/a/:id", ${JWT}`], '/a/x', '/docs'],
    ['an exception of a guarded prefix', [`path: /a/*, ${KEY}`, `path: "/a/docs/*", ${OPEN}`], '/a/docs', '/x'],
    ['a guarded name beside an open rest', [`path: /*, ${OPEN}`, `path: /a/*, ${JWT}`], '/a', '/x'],
    ['a guarded name in another case', [`path: /*, ${OPEN}`, `path: /Admin/*, ${JWT}`], '/admin', ''],
    ['a name in another case', [`path: /*, ${OPEN}`, `path: /a/*, ${JWT}`], '/A', '/x'],
    ['the path itself', [`path: "/:a/:b/*", ${OPEN}`, `path: "/:a", ${JWT}`], '/x', '/y/z'],
    ['a later segment', [`path: "/a/:b/:c", ${OPEN}`, `path: /a/secret/x, ${JWT}`], '/a/secret', '/x'],
    [
      'a path of another host',
      [`path: "/a/:id/docs", host: a.gw, ${OPEN}`, `path: "/a/:id", host: gw, ${JWT}`],
      '/a/x',
      '/docs',
      'a.gw',
    ],
    [
      'a path without its prefix',
      [`path: "/v1/a/:id/docs", ${OPEN}, strip_prefix: true`, `path: "/:id", ${JWT}`],
      '/v1/a/x',
      '/docs',
    ],
    [
      'a path with another prefix',
      [`path: "/b/:id/docs", ${OPEN}, strip_prefix: true, add_prefix: /a`, `path: "/a/:id", ${JWT}`],
      '/b/x',
      '/docs',
    ],
  ])('reaches no upstream where the cut leads to another guard: %s', (_what, routes, before, after, host = 'gw') => {
    const forward = world(...routes);
    for (const mark of MARKS) {
      const target = `${before}${mark}${after}`;
      expect([target, forward(target, host)?.url]).toEqual([target, undefined]);
    }
  });

  test.each([
    ['an open route', [`path: /a/*, ${OPEN}`, `path: /b/*, ${JWT}`, `path: /c, ${KEY}`], '/a/x', '/y', 'gw'],
    ['one guarded route', [`path: /a/*, ${KEY}`, `path: /b/*, ${JWT}`], '/a/x', '/y', 'gw'],
    ['two routes of one guard', [`path: /*, ${KEY}`, `path: /a/*, ${KEY}`], '/a', '/x', 'gw'],
    ['a file name below a guard', [`path: /*, ${OPEN}`, `path: /a/*, ${KEY}`], '/a/who', '.pdf', 'gw'],
    [
      'a rewritten path',
      [`path: /v1/a/*, ${OPEN}, strip_prefix: true, add_prefix: /b`, `path: /c/*, ${JWT}`],
      '/v1/a/x',
      '/docs',
      'gw',
    ],
    [
      'two hosts of one upstream',
      [`path: "/a/:id/docs", host: a.gw, ${OPEN}, overlap: true`, `path: "/a/:id", host: gw, ${JWT}`],
      '/a/x',
      '/docs',
      'a.gw',
    ],
  ])('twin: arrives byte for byte where no cut leads elsewhere: %s', (_what, routes, before, after, host) => {
    const forward = world(...routes);
    for (const mark of MARKS) {
      const target = `${before}${mark}${after}`;
      expect(forward(target, host)?.matched).toBe(target);
    }
  });

  test('a pattern with a mark matches only the name with the mark', () => {
    const forward = world(`path: "/C%23/*", ${KEY}`, `path: /b/*, ${JWT}`);
    expect(forward('/C%23/x', 'gw')?.url).toBe('/C%23/x');
    expect(forward('/C/x', 'gw')).toBeUndefined();
  });
});

describe('G-29 the comparison of two files, and the exemptions of limits', () => {
  const ruled = (...routes: readonly string[]): Ruled => {
    const auth = 'middleware: { auth: { api_key: { keys: [{ key: key-of-alice-1234, name: alice }] } } }';
    const list = [...routes, `path: /z, ${KEY}`].map((route) => `  - { ${route}, upstream: backend }`).join('\n');
    const end = 'upstreams: [{ name: backend, endpoints: ["127.0.0.1:9"] }]';
    return { plan: compile(`${auth}\nroutes:\n${list}\n${end}`).plan, standalone: true };
  };

  test.each(['/C%23/*', '/who%3F', '/a%3Bb/*'])('a guard of %s that is lost is an opening', (path) => {
    const before = ruled(`path: /*, ${OPEN}`, `path: "${path}", ${KEY}`);
    expect(accessChanges(before, ruled(`path: /*, ${OPEN}`))).toMatchObject([{ opens: true }]);
    expect(accessChanges(before, before)).toEqual([]);
  });

  test('an exempt path that an upstream cuts short is counted', () => {
    const exemptions = { addresses: [], headers: [], paths: [parsePattern('/a/:id/docs') as Pattern] };
    const rules = new LimitRules({ key: [], tiers: [], quotas: [], exemptions });
    const isExempt = (url: string): boolean => rules.isExemptEarly({ address: '', target: readTarget(url) as Target });
    expect(MARKS.map((mark) => isExempt(`/a/x${mark}/docs`))).toEqual(MARKS.map(() => false));
    // The honest twin.
    expect(isExempt('/a/x/docs')).toBe(true);
  });
});

/** Caches read these fields instead of `Cache-Control`. */
const CDN_FIELDS = [
  'CDN-Cache-Control',
  'Vercel-CDN-Cache-Control',
  'Surrogate-Control',
  'Edge-Control',
  'X-Accel-Expires',
];

describe('G-29 a response that a cache may store', () => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await openGround({
      answer: (message) =>
        echo(message).replace(
          '\r\n',
          '\r\nCache-Control: public, max-age=3600\r\nExpires: Thu, 01 Jan 2099 00:00:00 GMT\r\n' +
            CDN_FIELDS.map((name) => `${name}: max-age=3600\r\n`).join(''),
        ),
    });
  });
  afterAll(closeGrounds);

  const cacheControl = async (target: string, ...lines: string[]): Promise<string | undefined> => {
    const answer = await ground.send(get(target, ...lines));
    ground.arrived();
    return /^cache-control: *(.*)$/im.exec(answer)?.[1]?.trim();
  };

  test.each([
    '/internal/account;x.css',
    '/internal/account%3bx.css',
    '/internal/account%3F.css',
    '/internal/account%23.css',
  ])('is private and not stored on a guarded route, whatever the upstream says: %s', async (target) => {
    expect(await cacheControl(target, await bearerLine(ground))).toBe('private, no-store');
    expect(await cacheControl(target.replace('/internal', '/optional'))).toBe('private, no-store');
  });

  test('a full-width ; is such a path too', async () => {
    expect(await cacheControl('/internal/account%EF%BC%9B.css', await bearerLine(ground))).toBe('private, no-store');
  });

  test('has no field that a CDN reads instead of Cache-Control', async () => {
    const answer = await ground.send(get('/internal/account;x.css', await bearerLine(ground)));
    for (const name of CDN_FIELDS) expect(answer).not.toContain(name);
    const plain = await ground.send(get('/internal/account.css', await bearerLine(ground)));
    for (const name of CDN_FIELDS) expect(plain).toContain(name);
    ground.arrived();
  });

  test('twin: other paths and open routes keep the Cache-Control of the upstream', async () => {
    expect(await cacheControl('/internal/account.css', await bearerLine(ground))).toBe('public, max-age=3600');
    expect(await cacheControl('/public/a;v=1')).toBe('public, max-age=3600');
  });
});

describe('G-29 a host application behind the middleware', () => {
  const FILE = `
middleware:
  auth:
    api_key: { keys: [{ key: key-of-alice-1234, name: alice }] }
    jwt: { algorithm: HS256, secret: "a secret of thirty-two bytes or so" }
    chain: [jwt]
routes:
  - { id: mine, path: /mine/*, auth: { api_key: true } }
  - { id: docs, path: "/docs/:name/pages", auth: none }
`;
  const CACHED = { 'cache-control': 'public, max-age=3600', 'cdn-cache-control': 'max-age=3600' };
  let server: Server;
  let port = 0;
  beforeAll(async () => {
    const gate = loom({ file: 'loom.yaml', text: FILE }, { log: quietLog() });
    await gate.ready;
    const app = express();
    app.use(gate);
    app.use('/mine/object', (_req, res) => void res.writeHead(200, CACHED).end());
    app.use('/mine/list', (_req, res) => void res.writeHead(200, 'OK', Object.entries(CACHED).flat()).end());
    app.use((_req, res) => void res.set(CACHED).send('handled'));
    [port = 0] = await freePorts(1);
    server = createServer(app).listen(port, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => closed(server));

  const KEY_LINE = 'X-API-Key: key-of-alice-1234';
  const cacheControl = async (path: string): Promise<string> => {
    const answer = await askBytes(port, get(path, KEY_LINE));
    return [...answer.matchAll(/^(?:cdn-)?cache-control: *(.*)$/gim)].map(([, value = '']) => value.trim()).join(' | ');
  };

  test.each(['/mine/object/a;x.css', '/mine/list/a%3fx.css', '/mine/other/a%23x.css'])(
    'cannot make a cache store %s',
    async (path) => {
      expect(await cacheControl(path)).toBe('private, no-store');
    },
  );

  test.each(['/mine/object/a.css', '/mine/list/a.css', '/mine/other/a.css'])(
    'twin: decides about caching of %s',
    async (path) => {
      expect(await cacheControl(path)).toBe('public, max-age=3600 | max-age=3600');
    },
  );

  test('is not reached where the cut path has no route and the chain guards it', async () => {
    for (const mark of MARKS)
      expect([mark, statusOf(await askBytes(port, get(`/docs/x${mark}/pages`)))]).toEqual([mark, 400]);
    expect(statusOf(await askBytes(port, get('/docs/x/pages')))).toBe(200);
  });
});

describe('G-30 logged paths', () => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await openGround({
      top: 'logging: { access: { enabled: true } }',
      routes: '  - { id: exact, path: /exact, upstream: backend, auth: { jwt: true } }',
    });
    ground.secrets.push('s3cret');
  });
  afterAll(closeGrounds);

  const lines = (event: string) =>
    ground
      .output()
      .split('\n')
      .filter((line) => line.includes(`"event":"${event}"`))
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  test('end at the first mark, in requests that pass and in requests that are refused', async () => {
    const targets = [
      '/public/a%3ftoken=s3cret',
      '/public/a%3Ftoken=s3cret',
      '/public/a;jsessionid=s3cret',
      '/public/a%3Bjsessionid=s3cret',
      '/public/a%23access_token=s3cret',
      '/public/a?token=s3cret',
      '/public/a%253ftoken=s3cret',
      '/public/a&token=s3cret',
      '/public/a%26token=s3cret',
      '/public/a%26token%3Ds3cret/b',
      '/public/a%EF%BC%9Ftoken=s3cret/..',
      '/public/a%3ftoken=s3cret/../x',
      '/exact%3ftoken=s3cret',
      '/public/a#token=s3cret',
      'http://user:s3cret@gw/public/a',
      'http://gw/public/a%3ftoken=s3cret',
    ];
    const handshakes = ['/public/a%3ftoken=s3cret', '/exact;token=s3cret'].map((target) => handshake(target));
    let refused = 0;
    for (const request of [...targets.map((target) => get(target)), ...handshakes])
      if (statusOf(await ground.send(request)) >= 400) refused += 1;
    ground.arrived();
    await until(() => lines('access').length >= targets.length && lines('denied').length === refused);
    for (const { path } of lines('access')) expect(path).toMatch(/^\/(?:public\/a|exact)$/);
  });

  test('name the path and the cause of a bad target', async () => {
    const before = lines('denied').length;
    for (const target of ['/public/../internal', '/public/%zz', '/public/a%2fb', '/exact;v=1'])
      await ground.send(get(target));
    await until(() => lines('denied').length === before + 4);
    expect(lines('denied').slice(before)).toMatchObject([
      { code: 'bad_target', path: '/public/../internal', detail: expect.stringContaining('dot segment') as string },
      { code: 'bad_target', path: '/public/%zz', detail: expect.stringContaining('escape') as string },
      { code: 'bad_target', path: '/public/a%2fb', detail: expect.stringContaining('allow_encoded_slash') as string },
      { code: 'bad_target', path: '/exact', detail: expect.stringContaining('";"') as string, other: 'exact' },
    ]);
  });

  test('twin: keep a name with &', async () => {
    await ground.send(get('/public/salt&pepper/a=b'));
    ground.arrived();
    await until(() => lines('access').some(({ path }) => path === '/public/salt&pepper/a=b'));
  });

  test('twin: the client learns only the code', async () => {
    const answer = await ground.send(get('/exact;v=1'));
    expect(statusOf(answer)).toBe(400);
    expect(answer).not.toMatch(/detail|route|exact/);
    expect(await tried(ground, '/public/a;v=1')).toEqual([200, '/public/a;v=1']);
  });

  test('contain no mark of direction and no line end of Unicode, in the log and on a terminal', () => {
    for (const mark of ['\u202e', '\u2066', '\u061c', '\u200f', '\u2028', '\u2029', '\ufeff']) {
      const escape = `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`;
      let written = '';
      createLog({ stream: { write: (line) => (written += line) } }).info({ path: `a${mark}b` }, 'x');
      expect(written).toContain(`"a${escape}b"`);
      expect(printable(`a${mark}b`)).toBe(`a${escape}b`);
    }
    // The honest twin: names in other scripts.
    expect(printable('\u65e5\u672c \u05d0\u05d1')).toBe('\u65e5\u672c \u05d0\u05d1');
  });
});
