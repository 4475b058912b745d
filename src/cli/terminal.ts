/** The terminal functions of the commands, and colors for an interactive terminal. */
import type { Readable, Writable } from 'node:stream';
import { escapeLineAndDirection, escapeOf } from '../lib/control-character.js';

export interface Output extends Writable {
  readonly isTTY?: boolean;
}

export interface Input extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

export interface Terminal {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export type Colour = 'red' | 'green' | 'yellow' | 'bold' | 'dim';
export type Paint = (colour: Colour, text: string) => string;

const CODES = { red: [31, 39], green: [32, 39], yellow: [33, 39], bold: [1, 22], dim: [2, 22] } as const;

/** Colors are used only on a terminal, and not if `NO_COLOR` is set (no-color.org). */
export function paintFor(output: Output, env: Terminal['env']): Paint {
  const coloured = output.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  if (!coloured) return (_colour, text) => text;
  return (colour, text) => `\u001b[${CODES[colour][0]}m${text}\u001b[${CODES[colour][1]}m`;
}

/** JSON with escapes for every character that can control a terminal or change the direction of text. */
export function asciiJson(value: unknown): string {
  return escapeLineAndDirection(JSON.stringify(value, null, 2)).replace(/[\u007f-\u009f]/g, escapeOf);
}

/**
 * Replaces control characters, line ends of Unicode and marks of text direction. A name from a file then cannot control
 * the terminal that prints the name.
 */
export function printable(text: string): string {
  return escapeLineAndDirection(text.replace(/(?!\n)\p{Cc}/gu, '\ufffd'));
}
