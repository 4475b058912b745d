/** Everything that `src/index.ts` exports, with its documentation comments, as one page. */
import { join } from 'node:path';
import ts from 'typescript';
import { cell, code, table } from './markdown.mjs';

const GROUPS = { function: 'Functions', class: 'Errors', type: 'Types' };

/** One section for each export, by the alphabet within its group. */
export function apiPage(program, root) {
  const exported = exportsOf(program, root);
  return Object.entries(GROUPS)
    .map(([kind, heading]) => {
      const members = exported.filter((each) => each.kind === kind).sort((a, b) => (a.name < b.name ? -1 : 1));
      return `## ${heading}\n\n${members.map(section).join('\n')}`;
    })
    .join('\n');
}

/** Each export as data: its name, kind, declaration, words and tags. */
export function exportsOf(program, root) {
  const checker = program.getTypeChecker();
  const index = checker.getSymbolAtLocation(program.getSourceFile(join(root, 'src/index.ts')));
  return checker.getExportsOfModule(index).map((symbol) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const declaration = target.declarations[0];
    return {
      name: symbol.name,
      kind: kindOf(declaration),
      declaration,
      ...docsOf(target, checker),
      members: membersOf(declaration, checker),
    };
  });
}

function kindOf(declaration) {
  if (ts.isFunctionDeclaration(declaration)) return 'function';
  return ts.isClassDeclaration(declaration) ? 'class' : 'type';
}

function docsOf(symbol, checker) {
  const tags = symbol
    .getJsDocTags(checker)
    .map(({ name, text }) => ({ name, text: linked(ts.displayPartsToString(text)) }));
  const named = (name) => tags.filter((tag) => tag.name === name).map(({ text }) => text.trim());
  return {
    words: linked(ts.displayPartsToString(symbol.getDocumentationComment(checker))).replaceAll('\n', ' '),
    params: named('param'),
    returns: named('returns'),
    throws: named('throws'),
    see: named('see'),
    examples: named('example'),
  };
}

const linked = (text) => text.replace(/\{@link (\w+)\}/g, '`$1`');

/** What can be read of an object or called on it: the constructor of an error is for Loom alone. */
function membersOf(declaration, checker) {
  const isShape = ts.isInterfaceDeclaration(declaration) || ts.isClassDeclaration(declaration);
  if (!isShape) return [];
  const parameters = declaration.members.filter(ts.isConstructorDeclaration).flatMap((each) => each.parameters);
  const properties = parameters.filter((each) => ts.isParameterPropertyDeclaration(each, each.parent));
  return [...declaration.members, ...properties]
    .filter((member) => member.name && !isPrivate(member))
    .map((member) => ({
      name: nameOf(member),
      type: typeOf(member, checker),
      ...docsOf(checker.getSymbolAtLocation(member.name), checker),
    }));
}

function isPrivate(member) {
  return ts.isPrivateIdentifier(member.name) || (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Private) !== 0;
}

function nameOf(member) {
  const optional = member.questionToken ? '?' : '';
  if (!ts.isMethodSignature(member)) return `${member.name.getText()}${optional}`;
  return `${member.name.getText()}${optional}(${member.parameters.map(({ name, questionToken }) => name.getText() + (questionToken ? '?' : '')).join(', ')})`;
}

function typeOf(member, checker) {
  if (ts.isMethodSignature(member)) {
    const parameters = member.parameters.map((each) => each.getText()).join(', ');
    return oneLine(`(${parameters}) => ${member.type.getText()}`);
  }
  if (member.type) return oneLine(member.type.getText());
  return checker.typeToString(checker.getTypeAtLocation(member));
}

const oneLine = (text) => text.replace(/\/\*[^]*?\*\//g, '').replace(/\s+/g, ' ');

function section({ name, kind, declaration, words, params, returns, throws, see, examples, members }) {
  const parts = [`### \`${name}\``, words];
  if (kind !== 'class' && !ts.isInterfaceDeclaration(declaration))
    parts.push(fence('typescript', signatureOf(declaration)));
  if (params.length > 0)
    parts.push(params.map((text) => text.replace(/^(\w+)\s+(?:- )?/, '- `$1`: ').replaceAll('\n', ' ')).join('\n'));
  if (returns.length > 0) parts.push(`Returns: ${returns.join(' ').replaceAll('\n', ' ')}`);
  if (throws.length > 0) parts.push(throws.map(thrown).join('\n'));
  if (members.length > 0) parts.push(table(['Member', 'Type', 'Meaning'], members.map(row)).trim());
  if (see.length > 0) parts.push(`See ${see.join(', ')}.`);
  parts.push(...examples.map((text) => fence('ts', text)));
  for (const member of members) {
    parts.push(...member.examples.flatMap((text) => [`Example of \`${member.name}\`:`, fence('ts', text)]));
  }
  return `${parts.join('\n\n')}\n`;
}

const fence = (language, text) => `\`\`\`${language}\n${text}\n\`\`\``;

const thrown = (text) => `- Throws ${text.replace(/^\{?(\w+)\}?:?\s*/, '`$1`: ').replaceAll('\n', ' ')}`;

function row({ name, type, words, returns, throws }) {
  const after = [...returns.map((text) => `Returns: ${text}`), ...throws.map((text) => thrown(text).slice(2))];
  return [code(cell(name)), code(cell(type)), cell([words, ...after].join(' '))];
}

/** The declaration without its body and without comments. */
function signatureOf(declaration) {
  const text = declaration.getText().replace(/\/\*\*[^]*?\*\/\s*/g, '');
  if (!ts.isFunctionDeclaration(declaration)) return text.replace(/^export /, '');
  const parameters = declaration.parameters.map((each) => each.getText()).join(', ');
  return `function ${declaration.name.text}(${parameters}): ${declaration.type.getText()}`;
}
