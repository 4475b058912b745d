/** Splits a stream of text into lines. */
import type { Readable } from 'node:stream';

/** A longer line is no line of a text file. It must not fill the memory. */
const LONGEST_LINE = 1_048_576;

/**
 * The lines of a stream, which end with LF or CRLF. `node:readline` also splits at U+2028, which a JSON text may contain.
 * A line that is too long is cut, and is the last one.
 */
export async function* linesOf(input: Readable): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of input.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield line.replace(/\r$/, '');
    if (rest.length > LONGEST_LINE) break;
  }
  if (rest !== '') yield rest;
}
