/** Changes that open a guarded path, the consent that they need, and the output of a reload, `diff` and `check`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { checkFile } from '../../../src/cli/check.js';
import { diffFiles } from '../../../src/cli/diff.js';
import { compileFile } from '../../../src/config/index.js';
import { Source } from '../../../src/config/source.js';
import { loom, type Loom } from '../../../src/loom.js';
import { tlsOptions } from '../../../src/serve/tls.js';
import { ask } from '../../support/ask.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening } from '../../support/recording-upstream.js';

const KEY = 'sk_of_the_openings_1';
const METHODS =
  `api_key: { keys: [{ key: ${KEY}, name: alice }] }, ` +
  'basic: { users: [{ username: ann, password_hash: "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy" }] }';

interface Given {
  readonly routes: readonly string[];
  readonly chain?: string;
  readonly opens?: readonly string[];
}

function textOf({ routes, chain, opens }: Given): string {
  return [
    `middleware: { auth: { ${chain === undefined ? '' : `chain: [${chain}], `}${METHODS} } }`,
    ...(opens ? [`opens: [${opens.map((each) => JSON.stringify(each)).join(', ')}]`] : []),
    `routes:\n${routes.map((route) => `  - { ${route} }`).join('\n')}\n`,
  ].join('\n');
}

const folder = mkdtempSync(join(tmpdir(), 'loom-openings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function onDisk(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const terminalOf = () => ({ stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough(), env: {} });

/** The exit code of `diff --exit-code` for these files, and the reason of a failure. */
function diffed(before: Given, after: Given): { readonly code: number; readonly told: string } {
  const terminal = terminalOf();
  const files = [onDisk('old.yaml', textOf(before)), onDisk('new.yaml', textOf(after))] as const;
  const code = diffFiles(files, { exitCode: true }, terminal);
  return { code, told: String((terminal.stderr.read() as Buffer | null) ?? '') };
}

function checkedStrictly(text: string): { readonly code: number; readonly output: string } {
  const terminal = terminalOf();
  const code = checkFile(onDisk('checked.yaml', text), { strict: true }, terminal);
  return { code, output: String((terminal.stdout.read() as Buffer | null) ?? '') };
}

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function host(given: Given) {
  const log = quietLog();
  const gate: Loom = loom({ text: textOf(given), file: 'loom.yaml' }, { log });
  const server = createServer((req, res) => gate(req, res, () => res.end('in')));
  const port = await listening(server);
  closing.push(
    () => closed(server),
    () => gate.close(),
  );
  return {
    log,
    reload: (next: Given) => gate.reload({ text: textOf(next), file: 'loom.yaml' }),
    knock: async (path: string, { method = 'GET', host = 'gw.test' } = {}) =>
      (await ask({ port, path, method, headers: { Host: host } })).status,
  };
}

/** Why a reload was refused. Empty if it was not. */
const refusal = (reloaded: Promise<unknown>): Promise<string> =>
  reloaded.then(
    () => '',
    (cause: Error) => cause.message,
  );

const ALL = 'path: /*, auth: none';
const ADMIN = 'path: /admin/*, auth: { api_key: true }';
const API = 'path: /api/*, auth: { api_key: true }';

interface Case {
  readonly before: Given;
  readonly after: Given;
  readonly path: string;
  readonly method?: string;
  readonly host?: string;
}

const OPENINGS: Readonly<Record<string, Case>> = {
  'a typo beside a catch-all': {
    before: { routes: [ALL, ADMIN, API] },
    after: { routes: [ALL, ADMIN.replace('admin', 'admn'), API] },
    path: '/admin/x',
  },
  'a route that is removed beside a catch-all': {
    before: { routes: [ALL, ADMIN, API] },
    after: { routes: [ALL, API] },
    path: '/admin/x',
  },
  'a route that is removed beside an optional catch-all': {
    before: { routes: ['path: /*, auth: { require: false, methods: [api_key] }', ADMIN, API] },
    after: { routes: ['path: /*, auth: { require: false, methods: [api_key] }', API] },
    path: '/admin/x',
  },
  'a catch-all that is itself new': {
    before: { routes: [ADMIN, API], chain: 'api_key' },
    after: { routes: [ALL, API], chain: 'api_key' },
    path: '/admin/x',
  },
  'a lost chain': {
    before: { routes: ['path: /admin/*', API], chain: 'api_key' },
    after: { routes: ['path: /admin/*', API] },
    path: '/admin/x',
  },
  'a lost auth': {
    before: { routes: [ADMIN, API] },
    after: { routes: ['path: /admin/*', API] },
    path: '/admin/x',
  },
  'a pattern that grows': {
    before: { routes: ['path: /admin/public/v1, auth: none', ADMIN] },
    after: { routes: ['path: /admin/public/*, auth: none', ADMIN] },
    path: '/admin/public/x',
  },
  'a pattern that loses a segment': {
    before: { routes: ['path: /public/:id, auth: none', API], chain: 'api_key' },
    after: { routes: ['path: /:id, auth: none', API], chain: 'api_key' },
    path: '/account',
  },
  'a host that grows': {
    before: { routes: ['host: www.a.test, path: /admin/*, auth: none, overlap: true', `${ADMIN}, overlap: true`] },
    after: { routes: ['host: "*.a.test", path: /admin/*, auth: none, overlap: true', `${ADMIN}, overlap: true`] },
    path: '/admin/x',
    host: 'api.a.test',
  },
  'methods that grow': {
    before: {
      routes: ['path: /a, methods: [GET], auth: none', 'path: /a, methods: [POST, PUT], auth: { api_key: true }'],
    },
    after: {
      routes: ['path: /a, methods: [GET, POST], auth: none', 'path: /a, methods: [POST, PUT], auth: { api_key: true }'],
    },
    path: '/a',
    method: 'POST',
  },
  'a priority that rises': {
    before: { routes: ['path: /:any/health, auth: none', ADMIN] },
    after: { routes: ['path: /:any/health, priority: 1, auth: none', ADMIN] },
    path: '/admin/health',
  },
  'a priority that falls': {
    before: { routes: ['path: /admin/health, auth: none', `${ADMIN}, priority: 1`] },
    after: { routes: ['path: /admin/health, auth: none', ADMIN] },
    path: '/admin/health',
  },
  'a headers condition beside a catch-all': {
    before: { routes: [ALL, ADMIN] },
    after: { routes: [ALL, `${ADMIN}, headers: { X-Beta: "1" }`] },
    path: '/admin/x',
  },
  'a query condition beside a catch-all': {
    before: { routes: [ALL, ADMIN] },
    after: { routes: [ALL, `${ADMIN}, query: { v: "1" }`] },
    path: '/admin/x',
  },
};

describe('G-01 a guarded path that would open without consent', () => {
  test.each(Object.entries(OPENINGS))('%s keeps the old routes and fails diff', async (_name, given) => {
    const { before, after, path, ...asked } = given;
    const { reload, knock } = await host(before);
    expect(await knock(path, asked)).toBe(401);
    await expect(reload(after)).rejects.toMatchObject({
      diagnostics: expect.arrayContaining([expect.objectContaining({ code: 'reload_opens' })]) as unknown,
    });
    expect(await knock(path, asked)).toBe(401);
    const { code, told } = diffed(before, after);
    expect([code, told]).toEqual([1, expect.stringContaining('if that is meant')]);
  });

  test.each(Object.entries(OPENINGS))('twin: the printed opens entry for %s gives consent', async (name, given) => {
    const { before, after, path, ...asked } = given;
    const { reload, knock } = await host(before);
    const said = await refusal(reload(after));
    const entries = [...said.matchAll(/opens: \["([^"]+)"\]/g)].map(([, entry = '']) => entry);
    const consenting = { ...after, opens: entries };
    expect(diffed(before, consenting)).toEqual({ code: 0, told: '' });
    await reload(consenting);
    // A condition excludes other requests from every route: they get 404.
    expect(await knock(path, asked)).toBe(name.includes('condition') ? 404 : 200);
  });

  const beside = Object.entries(OPENINGS).filter(([name]) => /beside an? (?:optional )?catch-all$|rises$/.test(name));
  test.each(beside.filter(([name]) => !name.includes('condition')))(
    'twin: the printed route for %s gives consent',
    async (_name, { before, after, path }) => {
      const { reload, knock } = await host(before);
      const said = await refusal(reload(after));
      const [, route = ''] = /add the route \{ (.+?) \}, or/.exec(said) ?? [];
      expect(route).toMatch(/^path: \S+, auth: none$/);
      // A raised priority would hide it.
      const consenting = { ...after, routes: [...after.routes, route.replace('/health', '/health, priority: 1')] };
      expect(diffed(before, consenting)).toEqual({ code: 0, told: '' });
      await reload(consenting);
      expect(await knock(path)).toBe(200);
    },
  );

  test('twin: a route that lost its auth is opened by "auth: none", as the message says', async () => {
    const { before, after, path } = OPENINGS['a lost auth'] as Case;
    const { reload, knock } = await host(before);
    await expect(reload(after)).rejects.toThrow(/say "auth: none" there/);
    await reload({ routes: ['path: /admin/*, auth: none', API] });
    expect(await knock(path)).toBe(200);
  });

  test('twin: another spelling of an optional path has the guard around it, as for a public path', async () => {
    for (const auth of ['none', '{ require: false, methods: [basic] }']) {
      const { knock } = await host({ routes: ['path: /*, auth: { api_key: true }', `path: /public/*, auth: ${auth}`] });
      expect([await knock('/public/x'), await knock('/Public/x')]).toEqual([200, 401]);
    }
  });

  test('check --strict fails for a public catch-all beside guarded routes', () => {
    for (const all of [ALL, 'path: /:any/*, auth: none', 'path: /*, auth: { require: false, methods: [api_key] }']) {
      const { code, output } = checkedStrictly(textOf({ routes: [all, ADMIN, 'path: /b, auth: { basic: true }'] }));
      expect([code, output]).toEqual([1, expect.stringContaining('PUBLIC catch-all')]);
    }
  });

  test('twin: check --strict passes a file that names its public paths', () => {
    const routes = ['path: /public/*, auth: none', 'path: /, auth: none', ADMIN, 'path: /b, auth: { basic: true }'];
    expect(checkedStrictly(textOf({ routes })).code).toBe(0);
  });
});

describe('G-02 a guarded path that gets another requirement', () => {
  const before = { routes: ['path: /*, auth: { api_key: true }', 'path: /admin/*, auth: { basic: true }'] };

  test.each([
    ['gone', []],
    ['misspelt', ['path: /admn/*, auth: { basic: true }']],
  ])('fails diff if the guard is %s; a reload accepts the file and warns', async (_what, rest) => {
    const after = { routes: [before.routes[0] as string, ...rest, 'path: /c, auth: { basic: true }'] };
    const { code, told } = diffed(before, after);
    expect([code, told]).toEqual([
      1,
      expect.stringMatching(/\/admin\/\* was guarded by basic and falls to routes\[0\]/),
    ]);
    const { reload, knock, log } = await host(before);
    const message = expect.stringMatching(/guarded by basic and falls to routes\[0\], which demands api_key/) as string;
    expect(await reload(after)).toContainEqual(
      expect.objectContaining({ code: 'reload_weakens', path: 'routes[0]', message }),
    );
    expect(log.entries).toContainEqual(expect.objectContaining({ level: 'warn', words: message }));
    expect(await knock('/admin/x')).toBe(401);
  });

  test.each<readonly [string, readonly string[]]>([
    [
      'a route that gets another requirement',
      ['path: /*, auth: { api_key: true }', ADMIN, 'path: /c, auth: { basic: true }'],
    ],
    ['a separate route below the guard', [...before.routes, 'path: /admin/keys, auth: { api_key: true }']],
    [
      'a stricter demand',
      ['path: /*, auth: { methods: [api_key, basic], require_any: false }', 'path: /c, auth: { basic: true }'],
    ],
  ])('twin: %s passes', async (_what, routes) => {
    expect(diffed(before, { routes })).toEqual({ code: 0, told: '' });
    const { reload } = await host(before);
    expect((await reload({ routes })).map(({ code }) => code)).not.toContain('reload_weakens');
  });
});

describe('G-03 consent', () => {
  const before = { routes: [ALL, ADMIN, API] };
  const retired = { routes: [ALL, API] };

  test.each([
    ['a part of the region', '/admin/x/*'],
    ['what is around it', '/*'],
    ['another path', '/api/*'],
    ['the path without the paths below it', '/admin'],
    ['the path on one host', 'a.test/admin/*'],
  ])('an entry for %s gives no consent', async (_what, entry) => {
    const { reload, knock } = await host(before);
    await expect(reload({ ...retired, opens: [entry] })).rejects.toThrow(/would be PUBLIC/);
    expect(await knock('/admin/x')).toBe(401);
  });

  test('an entry for one path opens no other, and a public route beside the guard gives no consent', async () => {
    const { reload, knock } = await host(before);
    await expect(reload({ routes: [ALL], opens: ['/admin/*'] })).rejects.toThrow();
    await expect(reload({ routes: [ALL, API, 'path: /other/*, auth: none'] })).rejects.toThrow(/would be PUBLIC/);
    expect([await knock('/admin/x'), await knock('/api/x')]).toEqual([401, 401]);
  });

  test('an entry that opens nothing warns: in a reload, in diff and in check', async () => {
    const { reload, log } = await host(before);
    const unused = { ...before, opens: ['/admin/*'] };
    expect((await reload(unused)).map(({ code }) => code)).toContain('unused_opens');
    expect(log.entries.filter(({ facts }) => facts['code'] === 'unused_opens')).toHaveLength(1);
    expect(diffed(before, unused)).toMatchObject({
      code: 0,
      told: expect.stringContaining('remove the entry') as string,
    });
    expect(checkedStrictly(textOf(unused)).output).toMatch(/opens\[0\]: opens nothing now: routes\[1\] guards/);
  });

  test.each<readonly [string, Given, Given, number]>([
    ['a guard is retired by an entry', before, { ...retired, opens: ['/admin/*'] }, 200],
    ['a guard is retired by a route', before, { routes: [...retired.routes, 'path: /admin/*, auth: none'] }, 200],
    ['a guard becomes public', before, { routes: [ALL, 'path: /admin/*, auth: none', API] }, 200],
    [
      'a guard becomes optional',
      before,
      { routes: [ALL, ADMIN.replace('api_key: true', 'api_key: true, require: false'), API] },
      200,
    ],
    ['a route below a guard is opened', before, { routes: [...before.routes, 'path: /admin/x, auth: none'] }, 200],
    ['a new guard is reverted', { routes: [ALL, ADMIN, API] }, { routes: [ALL, API], opens: ['/admin/*'] }, 200],
    ['a guarded route is added', before, { routes: [...before.routes, 'path: /more/*, auth: { basic: true }'] }, 401],
    ['a public route is added', before, { routes: [...before.routes, 'path: /more/*, auth: none'] }, 401],
    ['an exception is closed', { routes: [...before.routes, 'path: /admin/logo, auth: none'] }, before, 401],
    [
      'a guard and its exception are opened together',
      { routes: [ALL, ADMIN, API, 'path: /admin/logo, auth: none'] },
      { routes: [ALL, 'path: /admin/*, auth: none', API] },
      200,
    ],
    [
      'a guard is split by a condition, and the rest stays guarded',
      before,
      { routes: [...before.routes, `${ADMIN}, headers: { X-Beta: "1" }`].sort((a, b) => b.length - a.length) },
      401,
    ],
  ])('twin: %s', async (_what, from, to, status) => {
    expect(diffed(from, to)).toEqual({ code: 0, told: '' });
    const { reload, knock } = await host(from);
    await reload(to);
    expect(await knock('/admin/x')).toBe(status);
  });
});

describe('G-04 the file that is compiled is the file that was compared', () => {
  test('one reading serves several compilations, whatever is written meanwhile', () => {
    const key = onDisk('key', KEY);
    const text = textOf({ routes: [ADMIN] }).replace(KEY, '"${file:key}"');
    const source = new Source(onDisk('once.yaml', text));
    const plan = () => JSON.stringify(compileFile(source, { mode: 'middleware' }).plan);
    const first = plan();
    writeFileSync(key, 'sk_another_key_of_the_openings');
    writeFileSync(source.file, textOf({ routes: [ALL, API] }));
    expect(plan()).toBe(first);
  });

  test('twin: the next reading has the new content', () => {
    const file = onDisk('twice.yaml', textOf({ routes: [ADMIN] }));
    const paths = () => compileFile(file, { mode: 'middleware' }).plan.routes.map(({ path }) => path);
    expect(paths()).toEqual(['/admin/*']);
    writeFileSync(file, textOf({ routes: [API] }));
    expect(paths()).toEqual(['/api/*']);
  });

  test('a listener serves the certificate files that were read with the file', () => {
    const pem = onDisk('absent-then-there.pem', 'first');
    const tls = `{ cert_file: ${pem}, key_file: ${pem} }`;
    const text = `listeners: [{ name: main, address: "127.0.0.1:8443", tls: ${tls} }]\n${textOf({ routes: [ADMIN] })}`;
    const { plan } = compileFile(onDisk('tls.yaml', text), { mode: 'middleware' });
    const [listener] = plan.listeners;
    if (!listener?.tls) throw new Error('there is no listener');
    expect([...(listener.tls.files?.values() ?? [])].map((read) => Buffer.from(read).toString())).toEqual(['first']);
    expect(JSON.stringify(plan)).not.toContain('first');
    writeFileSync(pem, '-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n');
    expect(() => tlsOptions(listener, listener.tls as NonNullable<typeof listener.tls>)).toThrow(/holds no PEM block/);
  });
});
