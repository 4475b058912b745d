/** The Dockerfile: its stages, its user, its sources, its command, and no secret. */
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { NODE } from '../support/built.js';
import { runProcess } from '../support/process.js';
import { checkCommand, loomFile, ports, read, ROOT } from './file.js';

interface Instruction {
  readonly name: string;
  readonly value: string;
}

const text = read('Dockerfile');
const instructions = text
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line): Instruction => {
    const [, name = '', value = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    return { name, value: value.trim() };
  });
const from = instructions.map(({ name }) => name).lastIndexOf('FROM');
const [build, last] = [instructions.slice(0, from), instructions.slice(from)];
const valuesOf = (name: string, of: readonly Instruction[] = last): readonly string[] =>
  of.filter((each) => each.name === name).map(({ value }) => value);
const listOf = (name: string): readonly string[] =>
  JSON.parse(/\[.*\]$/.exec(valuesOf(name).at(-1) ?? '')?.[0] ?? '[]') as readonly string[];

test('every instruction is one of Docker', () => {
  const known = 'FROM WORKDIR COPY RUN LABEL ENV USER EXPOSE STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD'.split(' ');
  expect(instructions.filter(({ name }) => !known.includes(name))).toEqual([]);
});

test('it has two stages, and the second has neither sources nor a build', () => {
  expect(valuesOf('FROM', instructions)).toEqual(['node:24-bookworm-slim AS build', 'node:24-bookworm-slim']);
  expect(valuesOf('RUN')).toEqual([]);
  expect((JSON.parse(read('package.json')) as { engines: { node: string } }).engines.node).toContain('^24.');
});

test('its sources exist, and .dockerignore lets exactly these through', () => {
  const sources = [...valuesOf('COPY', build), ...valuesOf('COPY').filter((each) => !each.startsWith('--from'))]
    .flatMap((value) => value.split(/\s+/).slice(0, -1))
    .sort();
  expect(sources.filter((source) => !existsSync(join(ROOT, source)))).toEqual([]);
  const ignored = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(ignored[0]).toBe('*');
  expect(
    ignored
      .slice(1)
      .map((line) => line.replace(/^!/, ''))
      .sort(),
  ).toEqual(sources);
});

test('every script that it runs and file that the build reads is copied', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> };
  expect(valuesOf('RUN', build).join('\n')).toMatch(/npm ci [^]*npm run build\b[^]*npm prune --omit=dev/);
  const used = `${scripts['build']} ${scripts['build:modules']}`;
  for (const [file] of used.matchAll(/scripts\/[\w-]+\.mjs|tsconfig[\w.]*\.json/g)) {
    expect([file, /^scripts\//.test(file) || valuesOf('COPY', build).some((each) => each.includes(file))]).toEqual([
      file,
      true,
    ]);
  }
});

test('the optional packages of the file are development packages that the build keeps', () => {
  const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: Readonly<Record<string, string>> };
  const kept = Array.from(text.matchAll(/"dependencies\.([\w-]+)=/g), ([, name = '']) => name);
  expect(kept.sort()).toEqual(['ioredis', 'pg']);
  expect(Object.keys(devDependencies)).toEqual(expect.arrayContaining(kept));
});

test('it runs as an unprivileged number, by no shell', () => {
  expect(valuesOf('USER')).toEqual(['1000:1000']);
  expect(listOf('ENTRYPOINT')).toEqual(['node', '/app/dist/cli/main.js']);
  expect(read('package.json')).toContain('"loom-auth": "dist/cli/main.js"');
  checkCommand(listOf('CMD'));
});

test('no secret and no argument of the build is in it', () => {
  expect(text).not.toMatch(/--mount=|\.npmrc/);
  expect(valuesOf('ENV').join(' ')).not.toMatch(/token|secret|password|key/i);
});

const url = /HEALTH_URL=(\S+)/.exec(text)?.[1] ?? '';
const [program = '', ...args] = listOf('HEALTHCHECK');

test('its ports and its health check are those of deploy/loom.yaml', () => {
  const { http, admin } = ports();
  expect(valuesOf('EXPOSE')).toEqual([`${http} ${admin}`]);
  expect(url).toBe(`http://127.0.0.1:${http}${loomFile().plan.health?.path}`);
  expect([program, args[0]]).toEqual(['node', '-e']);
});

test.each([
  [200, 0],
  [503, 1],
  [0, 1],
])('the health check: status %i is exit code %i', async (status, code) => {
  const server = createServer((_req, res) => (status === 0 ? res.destroy() : res.writeHead(status).end()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  try {
    const env = { ...process.env, HEALTH_URL: `http://127.0.0.1:${port}/healthz` };
    expect((await runProcess(NODE, args, { env })).code).toBe(code);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
