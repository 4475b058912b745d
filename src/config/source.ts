/** The only reader of files in `config/`: the file itself, `${file:…}` and the `*_file` options; each is read once. */
import type * as Fs from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { readGiven, type ConfigSource, type Env, type Given } from './given.js';

export type { ConfigSource, Env } from './given.js';

// An ESM import of `node:fs` reads every export, and `promises` loads readline and streams.
const require = createRequire(import.meta.url);
const { readFileSync, statSync } = require('node:fs') as typeof Fs;

export type FileText =
  | { readonly kind: 'text'; readonly text: string; readonly worldReadable: boolean }
  | { readonly kind: 'unreadable'; readonly why: string };

/** The content of the file itself. A host may pass it as an object. */
export type FileContent = FileText | { readonly kind: 'object'; readonly config: object };

/** More than any honest file; a larger one would only make the parser swallow memory. */
const LARGEST_CONFIG = 16 * 1024 * 1024;
const LARGEST_FILE = 1024 * 1024;
const LARGEST_MODULE = 64 * 1024 * 1024;

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'the file may not be read',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is no directory',
};

/** A file and all that it names as they were when each was first read: what is compared is what is compiled. */
export class Source {
  readonly file: string;
  readonly env?: Env;
  readonly #given: Given;
  readonly #base: string;
  readonly #read = new Map<string, BytesRead>();

  /** `named`: called with every file that the plan depends on, by its absolute path, before it is read. */
  constructor(
    source: ConfigSource,
    private readonly named: (file: string) => void = () => undefined,
  ) {
    this.#given = readGiven(source);
    this.file = this.#given.file;
    if (this.#given.env) this.env = this.#given.env;
    this.#base = dirname(resolve(this.file));
  }

  /** The content of the file itself. */
  read(): FileContent {
    const { text, config } = this.#given;
    if (config !== undefined) return { kind: 'object', config };
    if (text !== undefined) return { kind: 'text', text, worldReadable: false };
    const file = resolve(this.file);
    this.named(file);
    return this.#text(file, LARGEST_CONFIG);
  }

  /** The text of a file that the file names, relative to the file. */
  readBeside(path: string): FileText {
    return this.#text(this.resolve(path), LARGEST_FILE);
  }

  /**
   * The bytes of a file that the file names; a string says why there are none. Not a Buffer: in a message between threads
   * a Buffer becomes a Uint8Array, and an equal plan of a thread would differ.
   */
  readBytesBeside(path: string): Uint8Array | string {
    const read = this.#bytes(this.resolve(path), LARGEST_MODULE);
    return 'why' in read ? read.why : new Uint8Array(read.bytes);
  }

  resolve(path: string): string {
    const file = this.pathBeside(path);
    this.named(file);
    return file;
  }

  /** As `resolve`, for a file that the plan does not depend on. */
  pathBeside(path: string): string {
    return resolve(this.#base, path);
  }

  #bytes(file: string, largest: number): BytesRead {
    const known = this.#read.get(file) ?? readBytes(file, LARGEST_MODULE);
    this.#read.set(file, known);
    return 'bytes' in known && known.bytes.length > largest ? tooLarge(largest) : known;
  }

  #text(file: string, largest: number): FileText {
    const read = this.#bytes(file, largest);
    if ('why' in read) return { kind: 'unreadable', why: read.why };
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(read.bytes);
      return { kind: 'text', text, worldReadable: read.worldReadable };
    } catch {
      return { kind: 'unreadable', why: 'it is not UTF-8' };
    }
  }
}

type BytesRead = { readonly bytes: Uint8Array; readonly worldReadable: boolean } | { readonly why: string };

function tooLarge(largest: number): BytesRead {
  return { why: `it is larger than ${largest} bytes` };
}

function readBytes(path: string, largest: number): BytesRead {
  try {
    const found = statSync(path);
    const { mode, size } = found;
    if (found.isCharacterDevice() && path !== '/dev/stdin') return { why: 'it is a device' };
    if (size > largest) return tooLarge(largest);
    return { bytes: readFileSync(path), worldReadable: (mode & 0o004) !== 0 };
  } catch (error) {
    const { code } = error as { readonly code?: string };
    return { why: WORDS[code ?? ''] ?? 'it cannot be read' };
  }
}
