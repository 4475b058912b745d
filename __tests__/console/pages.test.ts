/** The pages of the console over HTTP: the shell, its policy, the access map, and the state of the gateway. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessStatus } from '../../src/admin/process-status.js';
import { ask } from '../support/ask.js';
import { KEY, OPERATOR, SECRET, startConsole, TOKEN, type ConsoleGround } from './ground.js';

const FOLDER = join(__dirname, '../../src/admin/console');
const files = readdirSync(FOLDER);
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');

let ground: ConsoleGround;
beforeAll(async () => (ground = await startConsole()));
afterAll(() => ground.close());

const get = (path: string, headers: object = {}, method = 'GET') =>
  ask({ port: Number(new URL(ground.url).port), path, headers: { ...headers }, method });
const asReader = { Authorization: `Bearer ${TOKEN}` };

test('the shell needs no credential, and each of its files has a media type and the policy', async () => {
  for (const name of files) {
    const { status, headers } = await get(name === 'index.html' ? '/' : `/console/${name}`);
    expect([name, status]).toEqual([name, 200]);
    expect(headers['content-type']).toMatch(/^(?:text\/(?:css|html|javascript); charset=utf-8|image\/svg\+xml)$/);
    const policy = String(headers['content-security-policy']).split('; ');
    expect(policy).toEqual(expect.arrayContaining(["default-src 'none'", "script-src 'self'", "style-src 'self'"]));
    expect(policy).toEqual(expect.arrayContaining(["frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]));
    expect(policy).toEqual(expect.arrayContaining(["require-trusted-types-for 'script'", "trusted-types 'none'"]));
    expect(policy.join()).not.toMatch(/unsafe|https?:|\*|data:/);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
  }
});

test('the shell has no data of the gateway; twin: its pages need the credential', async () => {
  const shell = await Promise.all(files.map((name) => get(name === 'index.html' ? '/' : `/console/${name}`)));
  const text = shell.map(({ body }) => body).join();
  for (const fact of [TOKEN, OPERATOR, KEY, SECRET, 'issuer.example', ground.gateway]) expect(text).not.toContain(fact);
  for (const path of ['/routes', '/status', '/upstreams', '/anything']) {
    expect([path, (await get(path)).status]).toEqual([path, 401]);
    expect([path, (await get(path, asReader)).status]).toEqual([path, path === '/anything' ? 404 : 200]);
  }
});

test('no other file is served, and nothing is written', async () => {
  const paths = ['/console/main.ts', '/console/../pages.js', '/console/..%2fpages.js', '/console//main.js'];
  for (const path of [...paths, '/console/index.html', '/console/%6dain.js', '/console/constructor'])
    expect([path, (await get(path)).status]).toEqual([path, 404]);
  for (const method of ['POST', 'PUT', 'DELETE']) expect((await get('/', {}, method)).status).toBe(405);
  expect(await get('/', {}, 'HEAD')).toMatchObject({ status: 200, body: '' });
});

test('the shell has another host name only where a credential guards the pages', async () => {
  expect(await get('/', { Host: 'loom.internal:9091' })).toMatchObject({ status: 200 });
  expect(await get('/routes', { Host: 'loom.internal:9091' })).toMatchObject({ status: 421 });
  const open = await startConsole({ auth: '' });
  const port = Number(new URL(open.url).port);
  expect(await ask({ port, path: '/', headers: { Host: 'loom.internal' } })).toMatchObject({ status: 421 });
  expect(await ask({ port, path: '/' })).toMatchObject({ status: 200 });
  await open.close();
});

test('the access map has the auth methods, limits and conditions of each route', async () => {
  const { routes, limit } = JSON.parse((await get('/routes', asReader)).body) as {
    routes: { route: string; auth: object[] }[];
    limit: object;
  };
  const named = Object.fromEntries(routes.map((row) => [row.route, row]));
  expect(named).toMatchObject({
    public: { public: true, declaredOpen: true, auth: [] },
    orders: { host: '*.example.com', methods: ['GET', 'POST'], auth: [{ method: 'api_key', role: 'required' }] },
    api: {
      auth: [
        { method: 'jwt', role: 'either' },
        { method: 'api_key', role: 'either' },
      ],
    },
    both: {
      auth: [
        { method: 'jwt', role: 'required' },
        { method: 'api_key', role: 'required' },
      ],
      limit: { rate: 5, perMs: 1_000, burst: 10 },
    },
    maybe: { public: true, auth: [{ method: 'jwt', role: 'optional' }] },
    secret: { conditions: ['header X-Door', 'query page'] },
  });
  expect(limit).toEqual({ rate: 1_000, perMs: 1_000, burst: 2_000, key: ['ip'] });
});

test('the state has every process, and no secret of the file', async () => {
  const { body } = await get('/status', asReader);
  const status = JSON.parse(body) as { processes: ProcessStatus[] };
  expect(status).toMatchObject({ state: 'ready', operator: true, missing: [] });
  expect(status).toHaveProperty('pages', expect.arrayContaining(['/routes', '/status', '/upstreams']));
  expect(status.processes).toHaveLength(1);
  expect(status.processes[0]).toMatchObject({
    pid: process.pid,
    node: process.version,
    config: { generation: 1 },
    listeners: [{ name: 'http', address: ground.gateway }],
    upstreams: [{ name: 'echo', endpoints: [{ up: true }] }],
    sockets: 0,
  });
  const routes = (await get('/routes', asReader)).body;
  for (const secret of [TOKEN, OPERATOR, KEY, SECRET, 'door-secret', 'page-secret'])
    expect(body + routes).not.toContain(secret);
});

test('a refused reload and a taken one are in the state', async () => {
  const own = await startConsole();
  const port = Number(new URL(own.url).port);
  const config = async () => {
    const { body } = await ask({ port, path: '/status', headers: asReader });
    return (JSON.parse(body) as { processes: [ProcessStatus] }).processes[0].config;
  };
  const first = await config();
  expect(first).not.toHaveProperty('lastReload');
  await expect(own.reload({ more: 'nonsense: true' })).rejects.toThrow('nonsense');
  expect(await config()).toEqual({ ...first, lastReload: 'refused' });
  await own.reload({ more: 'health: { path: /healthz }' });
  expect(await config()).toMatchObject({ generation: 2, lastReload: 'taken' });
  await own.close();
});

describe('the sources of the console', () => {
  const scripts = files.filter((name) => name.endsWith('.js'));

  test('no text becomes markup or code, and no credential is stored', () => {
    const sinks =
      /innerHTML|outerHTML|insertAdjacentHTML|setHTML|document\.write|DOMParser|createContextualFragment|\beval\b|new Function|javascript:|localStorage|sessionStorage|indexedDB|document\.cookie|history\.(?:push|replace)State|(?:await|return|=)\s*import\(/;
    expect(scripts.length).toBeGreaterThan(8);
    expect(scripts.filter((name) => sinks.test(read(name)))).toEqual([]);
    // Twin: the pattern finds a sink.
    expect(sinks.test('element.innerHTML = text')).toBe(true);
  });

  test('no file loads anything of another origin', () => {
    const urls = files.flatMap((name) => read(name).match(/(?:https?:)?\/\/[\w.-]+\.\w+/g) ?? []);
    expect(urls.filter((url) => url !== 'http://www.w3.org')).toEqual([]);
    expect(read('index.html')).not.toMatch(/\son\w+=|<style|\sstyle=|<script(?![^>]*\ssrc=)/i);
  });

  test('each script begins with what it owns, is checked, and imports files that exist', () => {
    for (const name of scripts) {
      const [first = '', second] = read(name).split('\n');
      expect([name, /^\/\*\* .*\. \*\/$/.test(first), second]).toEqual([name, true, '// @ts-check']);
      expect(read(name).split('\n').length).toBeLessThanOrEqual(250);
      const imports = Array.from(read(name).matchAll(/from '\.\/([^']+)'/g), ([, path]) => path);
      expect(imports.filter((path) => !files.includes(path ?? ''))).toEqual([]);
    }
    const named = Array.from(read('index.html').matchAll(/(?:href|src)="console\/([^"]+)"/g), ([, path]) => path);
    expect(named.filter((path) => !files.includes(path ?? ''))).toEqual([]);
    expect(named.length).toBeGreaterThan(3);
  });
});
