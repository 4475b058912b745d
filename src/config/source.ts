/** The only reader of files in `config/`: the file itself, `${file:…}` and the `*_file` options. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** A file by its path, or its text with the name it goes by in messages and the base of relative paths. */
export type ConfigSource =
  | string
  | { readonly text: string; readonly file: string; readonly env?: Readonly<Record<string, string | undefined>> };

export type Env = Readonly<Record<string, string | undefined>>;

export type FileText =
  | { readonly kind: 'text'; readonly text: string; readonly worldReadable: boolean }
  | { readonly kind: 'unreadable'; readonly why: string };

/** More than any honest file; a larger one would only make the parser swallow memory. */
const LARGEST_CONFIG = 16 * 1024 * 1024;
const LARGEST_FILE = 1024 * 1024;

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'the file may not be read',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is no directory',
};

export class Source {
  readonly file: string;
  readonly #given?: string;
  readonly #base: string;

  constructor(source: ConfigSource) {
    this.file = typeof source === 'string' ? source : source.file;
    if (typeof source !== 'string') this.#given = source.text;
    this.#base = dirname(resolve(this.file));
  }

  /** The text of the file itself. */
  read(): FileText {
    if (this.#given !== undefined) return { kind: 'text', text: this.#given, worldReadable: false };
    return readText(resolve(this.file), LARGEST_CONFIG);
  }

  /** The text of a file that the file names, relative to the file. */
  readBeside(path: string): FileText {
    return readText(this.resolve(path), LARGEST_FILE);
  }

  resolve(path: string): string {
    return resolve(this.#base, path);
  }
}

function readText(path: string, largest: number): FileText {
  try {
    const found = statSync(path);
    const { mode, size } = found;
    if (found.isCharacterDevice() && path !== '/dev/stdin') return { kind: 'unreadable', why: 'it is a device' };
    if (size > largest) return { kind: 'unreadable', why: `it is larger than ${largest} bytes` };
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
    return { kind: 'text', text, worldReadable: (mode & 0o004) !== 0 };
  } catch (error) {
    const { code } = error as { readonly code?: string };
    const why =
      code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : (WORDS[code ?? ''] ?? 'it cannot be read');
    return { kind: 'unreadable', why };
  }
}
