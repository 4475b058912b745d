/** Reads a secret from a pipe, or from a terminal without echo; never from an argument, which `ps` shows. */
import type { Input, Terminal } from './terminal.js';

/** The operator entered an unusable value or cancelled the input. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

const LIMIT = 4_096;

export interface SecretOptions {
  /** Whether a terminal requests the secret twice. */
  readonly confirm?: boolean;
  /** The error message if nothing is entered. */
  readonly empty?: string;
}

/** From a pipe: all text except one trailing newline. From a terminal: one line. */
export async function readSecret(
  terminal: Terminal,
  prompt: string,
  { confirm = false, empty = 'standard input is empty' }: SecretOptions = {},
): Promise<string> {
  const secret = terminal.stdin.isTTY === true ? await ask(terminal, prompt, confirm) : await drain(terminal.stdin);
  if (secret === '') throw new InputError(empty);
  return secret;
}

const LONGEST_INPUT = 1_048_576;

/** Reads all text of standard input. */
export async function readInput({ stdin, stderr }: Terminal): Promise<string> {
  if (stdin.isTTY === true) stderr.write('Paste the curl command, then press Ctrl+D on an empty line.\n');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin as AsyncIterable<Buffer | string>) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > LONGEST_INPUT) throw new InputError('the input is longer than 1 MiB');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function drain(stdin: Input): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin as AsyncIterable<Buffer | string>) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > LIMIT) throw new InputError(`the secret is longer than ${LIMIT} bytes`);
    chunks.push(bytes);
  }
  return decode(Buffer.concat(chunks)).replace(/\r?\n$/, '');
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new InputError('the secret is not UTF-8');
  }
}

async function ask({ stdin, stderr }: Terminal, prompt: string, confirm: boolean): Promise<string> {
  const typed = new HiddenLines(stdin);
  try {
    stderr.write(`${prompt}: `);
    const first = await typed.next();
    stderr.write('\n');
    if (!confirm) return first;
    stderr.write(`${prompt} again: `);
    const second = await typed.next();
    stderr.write('\n');
    if (first !== second) throw new InputError('the two entries differ');
    return first;
  } finally {
    typed.close();
  }
}

const END_OF_TEXT = '\u0003';
const END_OF_INPUT = '\u0004';
const ERASE = new Set(['\u007f', '\b']);

/** Lines typed without echo. A paste may contain several lines at once. */
class HiddenLines {
  #pending: string[] = [];
  #wake: (() => void) | undefined;
  readonly #decoder = new TextDecoder();

  constructor(readonly stdin: Input) {
    stdin.setRawMode?.(true);
    stdin.on('data', this.#take);
    stdin.on('end', this.#end);
    stdin.resume();
  }

  async next(): Promise<string> {
    const typed: string[] = [];
    for (;;) {
      const character = await this.#character();
      if (character === '\r' || character === '\n') return typed.join('');
      if (character === END_OF_TEXT || character === END_OF_INPUT) throw new InputError('cancelled');
      if (ERASE.has(character)) typed.pop();
      else typed.push(character);
      if (typed.length > LIMIT) throw new InputError(`the secret is longer than ${LIMIT} characters`);
    }
  }

  close(): void {
    this.stdin.off('data', this.#take);
    this.stdin.off('end', this.#end);
    this.stdin.setRawMode?.(false);
    this.stdin.pause();
  }

  async #character(): Promise<string> {
    while (this.#pending.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#pending.shift() ?? '';
  }

  readonly #take = (chunk: Buffer): void => {
    this.#pending.push(...this.#decoder.decode(chunk, { stream: true }));
    this.#wake?.();
  };

  readonly #end = (): void => {
    this.#pending.push(END_OF_INPUT);
    this.#wake?.();
  };
}
