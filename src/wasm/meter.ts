/**
 * Makes a module call its host (`loom.tick`, which may throw) before each instruction whose cost is not constant. On
 * the gateway's thread a global also counts loops and calls. The host is called each time the counter reaches 0.
 */
import { leb, ModuleError, readLeb, sectionsOf, type Section } from './binary.js';
import { skip, valueType } from './immediates.js';
import { FUNCTION, joined, Renumbered, LAPS, signed, type Bytes, type Layout } from './renumber.js';

export const GUARD = { module: 'loom', name: 'tick' } as const;

const ID = {
  custom: 0,
  type: 1,
  import: 2,
  table: 4,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  tag: 13,
} as const;
const END = 0x0b;

/** The sections that the meter changes. Missing ones are added as empty sections. */
const NEEDED = { inline: [ID.type, ID.import, ID.global], worker: [ID.type, ID.import] } as const;

/**
 * `inline`: the module can be stopped anywhere. `worker`: it can be stopped before each costly instruction. Elsewhere
 * V8 ends the thread, but checks only once in hundreds of thousands of iterations.
 *
 * @throws ModuleError if the module uses instructions that cannot be metered
 */
export function meterModule(bytes: Uint8Array, isolation: keyof typeof NEEDED = 'inline'): Uint8Array {
  const sections = sectionsOf(bytes);
  const layout = layoutOf(bytes, sections, isolation === 'inline');
  const parts: Bytes[] = [bytes.subarray(0, 8)];
  for (const section of NEEDED[isolation].reduce(withSection, sections)) {
    const content = rewrite(bytes, section, layout);
    if (content) parts.push([section.id], leb(content.length), content);
  }
  return joined(parts);
}

/** Adds an empty section of this id at its position if the module has none. */
function withSection(sections: readonly Section[], id: number): readonly Section[] {
  if (sections.some((each) => each.id === id)) return sections;
  const before = sections.findIndex((each) => each.id > id && each.id !== ID.custom);
  const at = before === -1 ? sections.length : before;
  return [...sections.slice(0, at), { id, start: 0, content: 0, end: 0 }, ...sections.slice(at)];
}

function layoutOf(bytes: Uint8Array, sections: readonly Section[], counts: boolean): Layout {
  const countOf = (id: number): number => {
    const section = sections.find((each) => each.id === id);
    return section ? readLeb(bytes, section.content).value : 0;
  };
  let [functions, globals] = [0, 0];
  const imports = sections.find(({ id }) => id === ID.import);
  if (imports) {
    for (const kind of importKinds(bytes, imports)) {
      if (kind === FUNCTION) functions += 1;
      if (kind === 3) globals += 1;
    }
  }
  const counter = counts ? globals + countOf(ID.global) : undefined;
  return { type: countOf(ID.type), tick: functions, counter };
}

function* importKinds(bytes: Uint8Array, { content }: Section): Generator<number> {
  const { value: count, next } = readLeb(bytes, content);
  let at = next;
  for (let left = count; left > 0; left -= 1) {
    for (let names = 0; names < 2; names += 1) {
      const length = readLeb(bytes, at);
      at = length.next + length.value;
    }
    const kind = bytes[at] as number;
    yield kind;
    if (kind === FUNCTION) at = skip(bytes, at + 1, 1);
    else if (kind === 3) at = valueType(bytes, at + 1) + 1;
    else throw new ModuleError('imports a memory or a table');
  }
}

/** Returns the new content of a section. `undefined` removes the section. */
function rewrite(bytes: Uint8Array, section: Section, layout: Layout): Bytes | undefined {
  const { id, content, end } = section;
  const moved = new Renumbered(bytes, layout);
  switch (id) {
    case ID.type:
      return appended(bytes.subarray(content, end), [0x60, 0, 0]);
    case ID.import:
      return appended(bytes.subarray(content, end), [
        ...text(GUARD.module),
        ...text(GUARD.name),
        FUNCTION,
        ...leb(layout.type),
      ]);
    case ID.global:
      if (layout.counter === undefined) return moved.expressions(section);
      return appended(moved.expressions(section), [0x7f, 0x01, 0x41, ...signed(LAPS), END]);
    case ID.export:
      return moved.exports(section);
    case ID.start:
      return moved.index(content).bytes;
    case ID.element:
      return moved.elements(section);
    case ID.code:
      return moved.code(section);
    case ID.tag:
      if (layout.counter === undefined) return bytes.subarray(content, end);
      throw new ModuleError('uses exceptions, which cannot be metered; isolate it in a worker');
    case ID.custom:
      // Every function index changes, so the function names would be wrong.
      return undefined;
    default:
      return bytes.subarray(content, end);
  }
}

/** Returns a vector with one more item. */
function appended(vector: Uint8Array, item: readonly number[]): Bytes {
  if (vector.length === 0) return [1, ...item];
  const { value, next } = readLeb(vector, 0);
  return joined([leb(value + 1), vector.subarray(next), item]);
}

const text = (words: string): readonly number[] => [...leb(words.length), ...Buffer.from(words)];
