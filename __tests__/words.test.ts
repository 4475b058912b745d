/** The words of comments, messages, test names and documentation. Each hit is reported as `file:line: rule: text`. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import ts from 'typescript';

const ROOT = resolve(__dirname, '..');
const CHECKED = ['src', '__tests__', 'docs', 'examples', 'bench', 'scripts'];
const PAGES = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md'];

/** The page of the Loom schema is quoted. This file contains the words as data. */
const EXEMPT: readonly string[] = ['__tests__/fixtures', '__tests__/words.test.ts'];

interface Rule {
  readonly pattern: RegExp;
  /** What to write instead. */
  readonly instead: string;
}

const RULES: readonly Rule[] = [
  { pattern: /\b(?:whoever|whomever|whosoever)\b/i, instead: 'name the client, caller, user or operator' },
  { pattern: /\b(?:nobody|no one)\b/i, instead: 'name what does not exist or does not happen' },
  { pattern: /\b(?:somebody|someone|anybody|everybody)\b/i, instead: 'name the client, caller, user or operator' },
  { pattern: /\bspec §/i, instead: 'a page of docs/ or a section of an RFC' },
  { pattern: /\b(?:the|a) word of\b(?! a\b)/i, instead: 'say what is reported' },
  { pattern: /\bhands? (?:it|them|over|out|back|on)\b/i, instead: 'passes, returns, forwards' },
  { pattern: /\bstands? (?:for|in for|in place of)\b/i, instead: 'replaces, represents, is' },
  { pattern: /\bleaves? the (?:field|way|word)\b/i, instead: 'ends, stops, lets the next method run' },
  { pattern: /\btakes? (?:its|his|their) own along\b/i, instead: 'also removes' },
  { pattern: /\b(?:as it stands|in its stead|all the same|of late|of old)\b/i, instead: 'unchanged, instead, still' },
  { pattern: /\b(?:is|are|was|were) under way\b/i, instead: 'is in progress, is open' },
  { pattern: /\b(?:(?:is|are|was|were|be) told|tells?)\b/i, instead: 'receives, reports, logs, shows' },
  { pattern: /\bput away\b/i, instead: 'closed, replaced, removed' },
  { pattern: /\bis none of\b/i, instead: 'is not one of' },
];
const MOST_WORDS = 25;

interface Text {
  readonly line: number;
  readonly text: string;
  /** Sentences of titles and strings are not counted: their length follows from their placeholders. */
  readonly isProse: boolean;
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name}`)
    .filter(
      (name) =>
        /(?:\.(?:[cm]?ts|mjs|md)|\/console\/[\w-]+\.js)$/.test(name) && !/\/(?:node_modules|target)\//.test(name),
    );
}

/** `entries` are files or folders. */
const isIn = (name: string, entries: readonly string[]): boolean =>
  entries.some((entry) => name === entry || name.startsWith(`${entry}/`));

function textsOf(name: string): readonly Text[] {
  const content = readFileSync(join(ROOT, name), 'utf8');
  return extname(name) === '.md' ? proseOf(content) : codeTextsOf(name, content);
}

/** Paragraphs without code blocks and tables. */
function proseOf(content: string): readonly Text[] {
  const texts: Text[] = [];
  let isCode = false;
  content.split('\n').forEach((line, at) => {
    if (line.trim().startsWith('```')) isCode = !isCode;
    else if (!isCode) texts.push({ line: at + 1, text: line, isProse: !line.trim().startsWith('|') });
  });
  return texts;
}

function codeTextsOf(name: string, content: string): readonly Text[] {
  const source = ts.createSourceFile(name, content, ts.ScriptTarget.Latest, true);
  const lineAt = (position: number): number => source.getLineAndCharacterOfPosition(position).line + 1;
  const texts = new Map<number, Text>();
  const visit = (node: ts.Node): void => {
    for (const { pos, end } of commentsAround(content, node)) {
      texts.set(pos, { line: lineAt(pos), text: wordsOfComment(content.slice(pos, end)), isProse: true });
    }
    if (isText(node) && isMessage(node)) {
      texts.set(node.getStart(), { line: lineAt(node.getStart()), text: node.getText().slice(1, -1), isProse: false });
    }
    node.getChildren(source).forEach(visit);
  };
  visit(source);
  return [...texts.values()];
}

const commentsAround = (content: string, node: ts.Node): readonly ts.CommentRange[] => [
  ...(ts.getLeadingCommentRanges(content, node.pos) ?? []),
  ...(ts.getTrailingCommentRanges(content, node.end) ?? []),
];

const wordsOfComment = (comment: string): string =>
  comment
    .replace(/^\/\*\*?|\*\/$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*(?:\*|\/\/)/, '').trim())
    .join(' ');

const isText = (node: ts.Node): boolean =>
  ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateExpression(node);

/** Titles of tests, and texts of several words. Other strings are data. */
function isMessage(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isCallExpression(parent) && parent.arguments[0] === node) {
    if (/^(?:describe|it|test)\b/.test(parent.expression.getText())) return true;
  }
  return (
    node
      .getText()
      .split(/\s+/)
      .filter((word) => /^[\w,.'’;-]+$/.test(word)).length >= 4
  );
}

/** A quoted name is data. */
const withoutQuotes = (text: string): string => text.replace(/`[^`]*`|"[^"]*"/g, 'x').replace(/\$\{[^}]*\}/g, 'x');

function longSentenceOf(text: string): string | undefined {
  const sentences = withoutQuotes(text)
    .split(/@(?:example|see|link)\b/, 1)
    .flatMap((part) => part.split(/[.:;?!)](?:\s|$)|\s[–—(]|\s@\w+/));
  return sentences.find((sentence) => sentence.split(/\s+/).filter((word) => /\w/.test(word)).length > MOST_WORDS);
}

function hitsOf(name: string): readonly string[] {
  return textsOf(name).flatMap(({ line, text, isProse }) => {
    const words = withoutQuotes(text);
    const found = RULES.flatMap(({ pattern, instead }) => {
      const match = pattern.exec(words);
      return match ? [`${name}:${line}: "${match[0]}" (write: ${instead}): ${text.trim()}`] : [];
    });
    const long = isProse ? longSentenceOf(text) : undefined;
    return long ? [...found, `${name}:${line}: over ${MOST_WORDS} words: ${long.trim()}`] : found;
  });
}

const files = [...CHECKED.flatMap(filesOf), ...PAGES].filter((name) => !isIn(name, EXEMPT));

test('plain words: comments, messages, test names and pages', () => {
  const hits = files.flatMap(hitsOf);
  expect(hits).toEqual([]);
});

test('twin: the words are found where they are', () => {
  expect(files.length).toBeGreaterThan(500);
  expect(RULES.filter(({ pattern }) => pattern.test('The client receives the response unchanged.'))).toEqual([]);
  expect(RULES.filter(({ pattern }) => pattern.test('Whoever asks, nobody answers.'))).toHaveLength(2);
  const texts = codeTextsOf('a.ts', "// One.\n// nobody\nconst a = 'nobody';\ntest('two', () => { /* three */ });\n");
  expect(texts.map(({ line, text }) => [line, text.trim()])).toEqual([
    [1, 'One.'],
    [2, 'nobody'],
    [4, 'two'],
    [4, 'three'],
  ]);
  expect(longSentenceOf('word '.repeat(MOST_WORDS))).toBeUndefined();
  expect(longSentenceOf('word '.repeat(MOST_WORDS + 1))).toBeDefined();
});
