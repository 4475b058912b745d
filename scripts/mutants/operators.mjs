/** The mutants of one source file: each is one small change that a test should notice. */
import ts from 'typescript';

/** The operator that takes the place of another. */
const OPERATORS = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '&&': '||',
  '||': '&&',
  '??': '&&',
  '-': '+',
  '*': '/',
};

/**
 * @param {string} file
 * @param {string} text
 * @returns {{ file: string, start: number, end: number, by: string, line: number, lines: number[], what: string }[]} `by`
 *   replaces the text from `start` to `end`. `lines` are the lines of the statements around the change, innermost first.
 */
export function mutantsOf(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const mutants = [];
  const lineOf = (at) => source.getLineAndCharacterOfPosition(at).line + 1;
  const add = (node, by, from = node) => {
    const [start, end] = [node.getStart(source), node.getEnd()];
    const shown = (some) => some.replace(/\s+/g, ' ').slice(0, 60);
    const what = `${shown(from.getText(source))} → ${shown(by === '' ? 'nothing' : by)}`;
    mutants.push({ file, start, end, by, line: lineOf(start), lines: linesAround(node, source).map(lineOf), what });
  };
  const visit = (node) => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isInterfaceDeclaration(node)) return;
    if (ts.isTypeAliasDeclaration(node)) return;
    mutate(node, add);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return mutants;
}

function mutate(node, add) {
  if (ts.isBinaryExpression(node)) {
    const by = OPERATORS[node.operatorToken.getText()];
    if (by !== undefined) add(node.operatorToken, by, node);
  } else if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) {
    add(node, `(${node.operand.getText()})`);
  } else if (node.kind === ts.SyntaxKind.TrueKeyword || node.kind === ts.SyntaxKind.FalseKeyword) {
    add(node, node.kind === ts.SyntaxKind.TrueKeyword ? 'false' : 'true', node.parent);
  } else if (ts.isIfStatement(node)) {
    for (const by of ['true', 'false']) add(node.expression, by);
  } else if (ts.isConditionalExpression(node)) {
    for (const by of ['true', 'false']) add(node.condition, by);
  } else if (ts.isExpressionStatement(node)) {
    add(node, ';');
  } else if (ts.isArrayLiteralExpression(node) && node.elements.length > 0) {
    add(node, '[]');
  }
}

/** Coverage counts statements and the bodies of arrow functions. */
function linesAround(node, source) {
  const starts = [];
  for (let each = node; each; each = each.parent) {
    const isBody = each.parent && ts.isArrowFunction(each.parent) && each.parent.body === each;
    if (isBody || ts.isStatement(each) || ts.isVariableDeclaration(each) || ts.isPropertyDeclaration(each)) {
      if (!ts.isBlock(each)) starts.push(each.getStart(source));
      if (ts.isVariableDeclaration(each) && each.initializer) starts.push(each.initializer.getStart(source));
    }
    if (each !== node && ts.isFunctionLike(each)) break;
  }
  return starts;
}
