/** The documentation as data: its pages, and of each page the code blocks, links and anchors. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export const ROOT = join(__dirname, '../..');

export interface Block {
  /** `yaml`, `js`, `ts`, `sh`, `console`, `json`, `text`. */
  readonly language: string;
  /** The other words behind the fence: `fragment`, `run`, `file=server.mjs`. */
  readonly words: readonly string[];
  readonly text: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  /** The headings above the block, the innermost last. */
  readonly heading: string;
}

export interface Page {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  /** The text without its code blocks. */
  readonly prose: string;
}

/** A block inside of a list is indented as the list is. */
const FENCE = /^( *)```(\S*)([^\n]*)\n([^]*?)^\1```$/gm;

function readPage(path: string): Page {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const blocks = Array.from(text.matchAll(FENCE), (match): Block => {
    const [, indent = '', language = '', words = '', code = ''] = match;
    const before = text.slice(0, match.index);
    return {
      language,
      words: words.trim().split(/\s+/).filter(Boolean),
      text: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      line: before.split('\n').length,
      heading: [...before.replace(FENCE, '').matchAll(/^#+ (.+)$/gm)].at(-1)?.[1] ?? '',
    };
  });
  return { path, text, blocks, prose: text.replace(FENCE, '') };
}

function markdownIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map(({ parentPath, name }) => relative(ROOT, join(parentPath, name)));
}

const OF_THE_PROJECT = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'];
const FOLDERS = ['docs', 'examples'];

export const PAGES: readonly Page[] = [...OF_THE_PROJECT, ...FOLDERS.flatMap(markdownIn).sort()].map(readPage);

export function pageOf(path: string): Page {
  const page = PAGES.find((each) => each.path === path);
  if (!page) throw new Error(`there is no page ${path}`);
  return page;
}

/** The value of `name=value` among the words behind a fence. */
export const wordOf = ({ words }: Block, name: string): string | undefined =>
  words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);

/** The anchors that GitHub makes of a page's headings. */
export function anchorsOf({ prose }: Page): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = Array.from(prose.matchAll(/^#+ (.+)$/gm), ([, heading = '']) => {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
  return new Set(anchors);
}

export interface Link {
  readonly target: string;
  readonly text: string;
}

export const linksOf = ({ prose }: Page): readonly Link[] =>
  Array.from(
    prose.replace(/`[^`\n]*`/g, 'code').matchAll(/\[([^\]]*)\]\(([^)\s]+)\)/g),
    ([, text = '', target = '']) => ({
      text,
      target,
    }),
  );
