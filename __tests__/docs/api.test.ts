/** Every export of the package is documented, and every type that an export mentions is exported. */
import ts from 'typescript';
import { exportsOf } from '../../scripts/reference/api.mjs';
import { programOf } from '../../scripts/reference/log-lines.mjs';
import { ROOT } from './pages.js';

const program = programOf(ROOT);
const checker = program.getTypeChecker();
const exported = exportsOf(program, ROOT);
const names = new Set(exported.map(({ name }) => name));

test('the exports are read', () => {
  expect([...names]).toEqual(expect.arrayContaining(['loom', 'serve', 'ConfigError', 'PortError', 'TlsFileError']));
});

test.each(exported)('$name has one sentence, an example, and a description of each member', (each) => {
  const { words, examples, members } = each;
  expect(words).toMatch(/^[A-Z].*\.$/);
  expect(examples.length).toBeGreaterThan(0);
  expect(examples.join('\n')).toMatch(/from 'loom-auth';/);
  expect(members.filter((member) => !/^(?:[A-Z`]|\d).*\.$/.test(member.words)).map(({ name }) => name)).toEqual([]);
});

test.each(exported.filter(({ kind }) => kind === 'function'))(
  '$name describes its parameters and its result',
  ({ declaration, params, returns }) => {
    const { parameters } = declaration as ts.FunctionDeclaration;
    expect(params.map((text) => text.split(' ')[0])).toEqual(parameters.map(({ name }) => name.getText()));
    expect(returns).toHaveLength(1);
  },
);

/** The types of `src` that a declaration names, but for those of a constructor, which is for Loom alone. */
function mentions(declaration: ts.Node): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isConstructorDeclaration(node) || ts.isBlock(node)) return;
    if (ts.isTypeReferenceNode(node) && isOurs(node)) found.push(node.typeName.getText());
    if (ts.isExpressionWithTypeArguments(node) && isInterfaceOfOurs(node)) found.push(node.expression.getText());
    ts.forEachChild(node, visit);
  };
  visit(declaration);
  return found;
}

const isOfSrc = (symbol: ts.Symbol | undefined): boolean => {
  const target = symbol && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const [first] = target?.declarations ?? [];
  return first !== undefined && !first.getSourceFile().isDeclarationFile && !ts.isTypeParameterDeclaration(first);
};
const isOurs = (node: ts.TypeReferenceNode): boolean => isOfSrc(checker.getSymbolAtLocation(node.typeName));
const isInterfaceOfOurs = (node: ts.ExpressionWithTypeArguments): boolean =>
  isOfSrc(checker.getSymbolAtLocation(node.expression));

/** They have no name in the public interface: what they are can be read through the export that has them. */
const SHAPES = new Set(['NonEmpty', 'BreakerState', 'PlannedUpstream']);

test('every type that an export mentions is exported', () => {
  const missing = exported
    .filter(({ name }) => name !== 'Plan')
    .flatMap(({ name, declaration }) => mentions(declaration).map((each) => `${name}: ${each}`))
    .filter((line) => !names.has(line.split(': ')[1] ?? '') && !SHAPES.has(line.split(': ')[1] ?? ''));
  expect(missing).toEqual([]);
});

test('every exported type is mentioned by another export', () => {
  const mentioned = new Set(
    exported.flatMap(({ name, declaration }) => mentions(declaration).filter((each) => each !== name)),
  );
  const idle = exported.filter(({ name, kind }) => kind === 'type' && !mentioned.has(name)).map(({ name }) => name);
  expect(idle).toEqual([]);
});

test('every error class of `src` that a function or member of an export is said to throw is exported', () => {
  const thrown = exported
    .flatMap(({ throws, members }) => [...throws, ...members.flatMap((each) => each.throws)])
    .map((text) => /^\{(\w+)\}/.exec(text)?.[1] ?? text);
  expect(new Set(thrown)).toEqual(new Set(['ConfigError', 'KeyStoreError', 'PortError', 'TlsFileError', 'TypeError']));
  expect([...thrown].filter((name) => !names.has(name) && name !== 'TypeError')).toEqual([]);
});
