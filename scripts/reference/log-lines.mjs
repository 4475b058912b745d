/** Every line that `src` writes to the log: its level, its message and its fields, read from the calls. */
import { join, relative, sep } from 'node:path';
import ts from 'typescript';

const LEVELS = new Set(['info', 'warn', 'error']);

/** The sources of the package as one program, for this page and the one of the API. */
export function programOf(root) {
  const file = join(root, 'tsconfig.build.json');
  const { config } = ts.readConfigFile(file, ts.sys.readFile);
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  return ts.createProgram(fileNames, { ...options, noEmit: true });
}

/** One entry for each message, by the alphabet. */
export function logLines(program, root) {
  const checker = program.getTypeChecker();
  const lines = new Map();
  for (const source of program.getSourceFiles()) {
    const name = relative(join(root, 'src'), source.fileName).split(sep).join('/');
    if (source.isDeclarationFile || name.startsWith('..')) continue;
    for (const call of callsIn(source)) {
      const level = call.expression.name.text;
      for (const message of messagesOf(call.arguments[1], checker)) {
        const fields = fieldsOf(call.arguments[0], checker);
        const known = lines.get(message);
        lines.set(message, {
          message,
          levels: new Set([...(known?.levels ?? []), level]),
          fields: new Set([...(known?.fields ?? []), ...fields]),
        });
      }
    }
  }
  return [...lines.values()]
    .map(({ message, levels, fields }) => ({ message, levels: [...levels], fields: [...fields].sort() }))
    .sort((a, b) => (a.message < b.message ? -1 : 1));
}

function callsIn(source) {
  const calls = [];
  const visit = (node) => {
    if (isLogCall(node)) calls.push(node);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return calls;
}

function isLogCall(node) {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return false;
  const { name, expression } = node.expression;
  const owner = ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText();
  return LEVELS.has(name.text) && /log$/i.test(owner) && node.arguments.length === 2;
}

/** The constant messages of an argument; a part that is made at run time is an ellipsis. */
function messagesOf(node, checker) {
  if (ts.isConditionalExpression(node))
    return [node.whenTrue, node.whenFalse].flatMap((each) => messagesOf(each, checker));
  if (ts.isTemplateExpression(node)) {
    return [[node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('…')];
  }
  const type = checker.getTypeAtLocation(node);
  const types = type.isUnion() ? type.types : [type];
  return types.flatMap((each) => (each.isStringLiteral() ? [each.value] : []));
}

function fieldsOf(node, checker) {
  return checker.getPropertiesOfType(checker.getTypeAtLocation(node)).map(({ name }) => name);
}
