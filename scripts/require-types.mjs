/** Writes the types of the `require` condition: the same types as of the ES modules, so that both builds fit together. */
import { dirname, relative } from 'node:path';
import ts from 'typescript';

/**
 * Returns the text of `index.d.cts`. TypeScript reads a `.d.cts` file as CommonJS, which can import types of an ES module
 * with `resolution-mode` (TypeScript 5.3).
 */
export function requireTypes(entry) {
  const program = ts.createProgram([entry], { noLib: true, types: [], module: ts.ModuleKind.NodeNext });
  const checker = program.getTypeChecker();
  const from = (file) => `'./${relative(dirname(entry), file)}' with { 'resolution-mode': 'import' }`;
  const types = [];
  const values = [];
  for (const exported of checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry)))) {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    if (!(symbol.flags & ts.SymbolFlags.Value)) types.push(exported.name);
    else values.push(valueOf(exported.name, symbol));
  }
  const module = from(entry.replace(/\.d\.ts$/, '.js'));
  return [
    `/** The public API of the package for \`require\`. */`,
    `import type * as all from ${module};`,
    `export type { ${types.join(', ')} } from ${module};`,
    ...values,
    '',
  ].join('\n');
}

function valueOf(name, { flags, declarations: [declaration] }) {
  const [comment] = ts.getJSDocCommentsAndTags(declaration).map((each) => `${each.getText()}\n`);
  const type = flags & ts.SymbolFlags.Type ? `\nexport type ${name} = all.${name};` : '';
  return `${comment ?? ''}export declare const ${name}: typeof all.${name};${type}`;
}
