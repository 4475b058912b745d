/** Appends a `producers` section to a module: the tools that it names. */
import { leb } from '../../src/wasm/binary.js';

export type Tool = readonly [name: string, version: string];

const text = (words: string): readonly number[] => [...leb(Buffer.byteLength(words)), ...Buffer.from(words)];

/** The content of the section: fields, each with its tools. */
export const producers = (fields: readonly (readonly [field: string, tools: readonly Tool[]])[]): Uint8Array =>
  Uint8Array.from([
    ...leb(fields.length),
    ...fields.flatMap(([field, tools]) => [...text(field), ...leb(tools.length), ...tools.flat().flatMap(text)]),
  ]);

export function withProducers(module: Uint8Array, content: Uint8Array): Uint8Array {
  const section = [...text('producers'), ...content];
  return Uint8Array.from([...module, 0, ...leb(section.length), ...section]);
}
