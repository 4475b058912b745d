/** The types of the package under `strict`, with three versions of TypeScript, for `nodenext` and `bundler`. */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pageOf } from '../docs/pages.js';
import { NODE, ROOT } from '../support/built.js';
import { runProcess } from '../support/process.js';

const COMPILERS = { 'TypeScript 5.9': 'typescript5', 'TypeScript 6': 'typescript', 'TypeScript 7': 'typescript7' };
const MODES = { nodenext: 'nodenext', esnext: 'bundler' };

const readme = pageOf('README.md')
  .blocks.filter(({ language }) => language === 'js')
  .map(({ text }) => text)
  .join('\n');

/** What a TypeScript application writes, beside the lines of the README. */
const USAGE = `
import express, { Router, type Request, type Response } from 'express';
import { createServer } from 'node:http';
import {
  authOf, DeniedError, identitiesOf, loom, requireScopes, type ConfigSource, type Identity, type Loom, type OnDenied,
} from 'loom-auth';

const onDenied: OnDenied = (denial, req, res, next) => (denial.status === 401 ? res.writeHead(401).end() : next());
const gate: Loom = loom('loom.yaml', { errors: 'next', onDenied });
loom('loom.yaml', { onDenied: async (denial, req: Request, res: Response) => void res.status(denial.status).json(denial) });
loom('loom.yaml', { onDenied: (denial) => console.log(denial.code, denial.headers['WWW-Authenticate']) });
const sources: ConfigSource[] = [
  'loom.yaml', new URL('loom.yaml', import.meta.url), { file: 'loom.yaml', env: process.env }, { text: '' },
  { config: { routes: [] } }, { routes: [{ path: '/', auth: { jwt: true } }] }, JSON.parse('{}'),
];
sources.map((source) => loom(source));

const app = express();
app.use(gate);
app.get('/a', gate.protect({ jwt: { required_scopes: ['read'] } }), (req, res) => {
  const identity: Identity = authOf(req);
  const maybe: Identity | null | undefined = req.auth;
  res.json({ subject: identity.subject, maybe, all: identitiesOf(req).length });
});
app.post('/a', gate.protect(['jwt', 'api_key']), requireScopes('write', 'read'), (req, res) => void res.json(req.params));
const router = Router();
router.use(gate.protect('jwt'), gate.passport.authenticate('jwt', { session: false }));
gate.passport.authenticate<{ readonly id: number }>('saml', (error, user) => console.log(error, user && user.id));
app.use((error: unknown, req: Request, res: Response, next: (error: unknown) => void) => {
  if (!(error instanceof DeniedError)) return next(error);
  res.status(error.status).set(error.headers).json({ code: error.code, id: error.instance });
});
const server = createServer((req, res) => gate(req, res, (error) => res.end(String(error ?? authOf(req).subject))));
gate.attach(server);

// @ts-expect-error: a text is not an option
loom('loom.yaml', { errors: 'throw' });
// @ts-expect-error: an option is misspelled
loom('loom.yaml', { ondenied: onDenied });
// @ts-expect-error: a number is not a file
loom(1);
// @ts-expect-error: a text and a content are two files
loom({ text: '', config: {} , routes: [] });
// @ts-expect-error: a subject is a string
const count: number = authOf({} as Request).subject;
void count;
`;

/** The two packages declare \`auth\` of the request. */
const BESIDE = `
import express from 'express';
import { auth } from 'express-oauth2-jwt-bearer';
import { authOf, loom } from 'loom-auth';

const app = express();
app.use('/ours', loom('loom.yaml'), (req, res) => void res.json({ caller: authOf(req).subject }));
app.use('/theirs', auth(), (req, res) => void res.json({ caller: req.auth?.payload.sub }));
`;

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loom-types-'));
  const installed = join(folder, 'node_modules/loom-auth');
  mkdirSync(installed, { recursive: true });
  copyFileSync(join(ROOT, 'package.json'), join(installed, 'package.json'));
  const out = ['--emitDeclarationOnly', '--outDir', join(installed, 'dist')];
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  expect(await runProcess(NODE, [tsc, '-p', 'tsconfig.build.json', ...out], { cwd: ROOT })).toMatchObject({ code: 0 });
  for (const name of ['express', 'express-oauth2-jwt-bearer', '@types']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

async function compiled(compiler: string, mode: keyof typeof MODES, sources: Readonly<Record<string, string>>) {
  const project = mkdtempSync(join(folder, 'project-'));
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  for (const [name, text] of Object.entries(sources)) writeFileSync(join(project, `${name}.ts`), text);
  const options = {
    ...{ module: mode, moduleResolution: MODES[mode], target: 'es2023', types: ['node'] },
    ...{ strict: true, exactOptionalPropertyTypes: true, esModuleInterop: true, skipLibCheck: false, noEmit: true },
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['*.ts'] }));
  const tsc = join(ROOT, 'node_modules', compiler, 'bin/tsc');
  const { code, stdout, stderr } = await runProcess(NODE, [tsc, '-p', project], { cwd: project });
  return { code, found: [stdout, stderr].join('\n').split('\n').filter(Boolean) };
}

describe.each(Object.entries(COMPILERS))('%s', (_name, compiler) => {
  test.each(Object.keys(MODES) as (keyof typeof MODES)[])('compiles the README and usual code as %s', async (mode) => {
    expect(await compiled(compiler, mode, { readme, usage: USAGE })).toEqual({ code: 0, found: [] });
  });

  test('compiles code that also uses express-oauth2-jwt-bearer', async () => {
    expect(await compiled(compiler, 'nodenext', { beside: BESIDE })).toEqual({ code: 0, found: [] });
  });
});

test('the command tsc is that of the build, not of another version', async () => {
  expect(readdirSync(join(ROOT, 'node_modules/.bin'))).toContain('tsc');
  const { stdout } = await runProcess(NODE, [join(ROOT, 'node_modules/.bin/tsc'), '--version']);
  expect(stdout).toMatch(/^Version 6\./);
});
