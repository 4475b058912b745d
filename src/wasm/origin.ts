/** The tools that built a module: its `producers` section, and the source names in its panic messages. */
import { readLeb } from './binary.js';

export interface Origin {
  /** `rustc 1.63.0`, `AssemblyScript`, `Go cmd/compile go1.24.1`. */
  readonly producer?: string;
  /** The SDK for plugins: `proxy-wasm 0.2.2`, `@gcoredev/proxy-wasm-sdk-as`. */
  readonly sdk?: string;
}

/** Fields and their tools, each with its version, in the order of the section. */
type Producers = ReadonlyMap<string, readonly (readonly [name: string, version: string])[]>;

/** Compilers of source languages. The other tools of a module built its libraries or optimised it. */
const COMPILERS = [/^rustc$/, /^TinyGo$/i, /^Go\b/, /^AssemblyScript$/i, /clang/];
const PRINTABLE = /^[\x20-\x7e]{1,80}$/;

/** Only shown to operators and never trusted, because a module can claim anything. */
export function originOf(module: WebAssembly.Module, bytes: Uint8Array): Origin {
  const [section] = WebAssembly.Module.customSections(module, 'producers');
  const producers: Producers = section ? readProducers(new Uint8Array(section)) : new Map();
  const code = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const library = assemblyScriptLibraries(code);
  const producer = compilerOf(producers) ?? (library.size > 0 ? 'AssemblyScript' : undefined);
  const sdk = namesOf(producers, 'sdk')[0] ?? packageOf(library) ?? rustCrate(code);
  return { ...(producer !== undefined && { producer }), ...(sdk !== undefined && { sdk }) };
}

function compilerOf(producers: Producers): string | undefined {
  const tools = namesOf(producers, 'processed-by');
  return (
    COMPILERS.map((known) => tools.find((tool) => known.test(tool.replace(/ \S+$/, '')))).find(Boolean) ?? tools[0]
  );
}

/** `name version`, without the commit that rustc appends. */
function namesOf(producers: Producers, field: string): readonly string[] {
  const tools = producers.get(field) ?? [];
  return tools.map(([name, version]) => `${name} ${version.replace(/ \(.*\)$/, '')}`.trim());
}

/** The format of the WebAssembly tool conventions. Truncated or invalid parts are ignored. */
export function readProducers(bytes: Uint8Array): Producers {
  const fields = new Map<string, [string, string][]>();
  let at = 0;
  const number = (): number => {
    const { value, next } = readLeb(bytes, at);
    at = next;
    return value;
  };
  const text = (): string => {
    const size = number();
    const read = Buffer.from(bytes.subarray(at, at + size)).toString('latin1');
    if (read.length < size) throw new RangeError('cut short');
    at += size;
    return read;
  };
  try {
    for (let left = number(); left > 0; left -= 1) {
      const tools: [string, string][] = [];
      fields.set(text(), tools);
      for (let more = number(); more > 0; more -= 1) {
        const tool: [string, string] = [text(), text()];
        if (PRINTABLE.test(tool.join(' '))) tools.push(tool);
      }
    }
  } catch {
    // The fields before the damage have been read.
  }
  return fields;
}

/** A module made of a huge section must not take seconds to read. */
const MOST_PLACES = 10_000;
const LIBRARY = Buffer.from('~lib/', 'utf16le');

/**
 * The AssemblyScript runtime and packages name their files in UTF-16: `~lib/rt/itcms.ts`. The compiler leaves no other
 * trace.
 */
function assemblyScriptLibraries(code: Buffer): ReadonlySet<string> {
  const found = new Set<string>();
  let left = MOST_PLACES;
  for (let at = code.indexOf(LIBRARY); at !== -1 && left > 0; at = code.indexOf(LIBRARY, at + 1)) {
    left -= 1;
    const [, path] = /^~lib\/([\w@./-]+)\.ts/.exec(code.toString('utf16le', at, at + 400)) ?? [];
    if (path !== undefined) found.add(path);
  }
  return found;
}

/** The package with a proxy SDK in its name, if the path has folders. */
function packageOf(library: ReadonlySet<string>): string | undefined {
  const packages = [...library].map((path) => /^((?:@[^/]+\/)?[^/]*proxy[^/]*)\//.exec(path)?.[1]);
  return packages.find((each) => each !== undefined);
}

function rustCrate(code: Buffer): string | undefined {
  const at = code.indexOf('/proxy-wasm');
  if (at === -1) return undefined;
  const [, version, path] =
    /^\/proxy-wasm(?:-(\d+\.\d+\.\d+[\w.+-]*))?(\/src\/)/.exec(code.toString('latin1', at, at + 100)) ?? [];
  if (path === undefined) return undefined;
  return version === undefined ? 'proxy-wasm' : `proxy-wasm ${version}`;
}
