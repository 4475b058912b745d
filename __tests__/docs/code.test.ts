/** The TypeScript of the documentation and the README compile under `strict`; its JavaScript runs, or says that it is another's. */
import { join } from 'node:path';
import ts from 'typescript';
import { PAGES, ROOT, wordOf } from './pages.js';

const snippets = PAGES.flatMap(({ path, blocks }) =>
  blocks
    .filter(({ language }) => language === 'ts' || (path === 'README.md' && language === 'js'))
    .map((block) => {
      const folder = join(ROOT, '__tests__/docs/.snippets', path.replaceAll('/', '-'));
      const name = wordOf(block, 'file')?.replace(/\.mjs$/, '.ts') ?? `line-${block.line}.ts`;
      return { place: `${path}:${block.line}`, file: join(folder, name), text: block.text };
    }),
);

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node', 'jest'],
  strict: true,
  noUncheckedIndexedAccess: true,
  experimentalDecorators: true,
  esModuleInterop: true,
  skipLibCheck: true,
  noEmit: true,
  paths: { 'loom-auth': [join(ROOT, 'src/index.ts')] },
};

/** What `tsc` says of the texts, by the place on their page. */
function complaints(
  files: readonly { readonly place: string; readonly file: string; readonly text: string }[],
): string[] {
  const texts = new Map(files.map(({ file, text }) => [file, text]));
  const host = ts.createCompilerHost(OPTIONS);
  const real = { ...host };
  host.fileExists = (name) => texts.has(name) || real.fileExists(name);
  host.readFile = (name) => texts.get(name) ?? real.readFile(name);
  host.getSourceFile = (name, options) => {
    const text = texts.get(name);
    if (text === undefined) return real.getSourceFile(name, options);
    const made = ts.createSourceFile(name, `${text}\nexport {};\n`, options);
    made.impliedNodeFormat = ts.ModuleKind.ESNext;
    return made;
  };
  const program = ts.createProgram([...texts.keys()], OPTIONS, host);
  return files.flatMap(({ place, file }) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText }) => `${place} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  });
}

test('every TypeScript block compiles, and a wrong one would not', () => {
  const wrong = {
    place: 'wrong',
    file: join(ROOT, '__tests__/docs/.snippets/wrong.ts'),
    text: "import { loom } from 'loom-auth';\nloom(1);\n",
  };
  const said = complaints([...snippets, wrong]);
  expect(said.filter((line) => !line.startsWith('wrong '))).toEqual([]);
  expect(said.filter((line) => line.startsWith('wrong '))).toHaveLength(1);
});

test.each(PAGES)('$path: JavaScript runs, or is marked as code of another product', ({ blocks }) => {
  const idle = blocks
    .filter(({ language, words }) => language === 'js' && !words.some((word) => /^(?:run|foreign|file=.+)$/.test(word)))
    .map(({ line }) => line);
  expect(idle).toEqual([]);
});
