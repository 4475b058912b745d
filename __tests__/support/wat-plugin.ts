/** Plugins for tests, composed of host calls and texts. Called functions are imported, named texts are in memory. */
import { encodePairs, type Pair } from '../../src/wasm/header-map.js';
import { fromWat, pluginWat, type Parts } from './wat.js';

/** Parameters of the host functions that test plugins call. All return a status. */
const PARAMETERS: Readonly<Record<string, number>> = {
  proxy_log: 3,
  proxy_add_header_map_value: 5,
  proxy_replace_header_map_value: 5,
  proxy_remove_header_map_value: 3,
  proxy_get_header_map_value: 5,
  proxy_get_header_map_pairs: 3,
  proxy_set_header_map_pairs: 3,
  proxy_get_buffer_bytes: 5,
  proxy_get_property: 4,
  proxy_set_property: 4,
  proxy_send_local_response: 8,
  proxy_continue_stream: 1,
  proxy_close_stream: 1,
  proxy_http_call: 10,
  proxy_set_effective_context: 1,
  proxy_done: 0,
  proxy_set_tick_period_milliseconds: 1,
  proxy_get_shared_data: 5,
  proxy_set_shared_data: 5,
  proxy_register_shared_queue: 3,
  proxy_enqueue_shared_queue: 3,
  proxy_dequeue_shared_queue: 3,
  proxy_define_metric: 4,
  proxy_grpc_call: 12,
};

/** Where the host writes pointers, sizes and tokens: below every text. */
export const AT = { pointer: 16, size: 24, extra: 32, cas: 40 } as const;

export const i32 = (value: number): string => `(i32.const ${value})`;
export const CONTINUE = i32(0);
export const PAUSE = i32(1);
export const LOOP = '(loop $forever (br $forever))';

/** A callback of the ABI, by its number of parameters. */
export const callback = (name: string, parameters: number, body: string, result = true): string =>
  `(func (export "${name}") ${'(param i32) '.repeat(parameters)} ${result ? '(result i32)' : ''} ${body})`;

export class Kit {
  readonly #imported = new Set<string>();
  readonly #data: string[] = [];
  #next = 2_048;

  /** Pointer and length of a text, as two operands. */
  text(words: string | Uint8Array): string {
    const bytes = Buffer.from(typeof words === 'string' ? Buffer.from(words, 'latin1') : words);
    const at = this.#next;
    this.#next += bytes.length + 8;
    if (this.#next > 60_000) throw new RangeError('too much text for one test plugin');
    const escaped = [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
    this.#data.push(`(data ${i32(at)} "${escaped}")`);
    return `${i32(at)} ${i32(bytes.length)}`;
  }

  pairs(pairs: readonly Pair[]): string {
    return this.text(encodePairs(pairs));
  }

  /** A host call. Its status is on the stack. */
  ask(name: string, ...operands: readonly string[]): string {
    this.#imported.add(name);
    return `(call $${name} ${operands.join(' ')})`;
  }

  /** A host call whose status is ignored. */
  do(name: string, ...operands: readonly string[]): string {
    return `(drop ${this.ask(name, ...operands)})`;
  }

  set(name: string, value: string, how: 'add' | 'replace' = 'replace'): string {
    return this.do(`proxy_${how}_header_map_value`, i32(0), this.text(name), this.text(value));
  }

  log(words: string): string {
    return this.do('proxy_log', i32(2), this.text(words));
  }

  respond(status: number, body = '', headers: readonly Pair[] = []): string {
    return this.do(
      'proxy_send_local_response',
      i32(status),
      this.text('said by the plugin'),
      this.text(body),
      this.pairs(headers),
      i32(-1),
    );
  }

  call(upstream: string, { path = '/', method = 'GET', body = '', timeoutMs = 5_000, more = [] }: CallOptions = {}) {
    const head: Pair[] = [
      [':method', method],
      [':path', path],
      [':authority', 'authz.example'],
    ];
    const request = [this.text(upstream), this.pairs([...head, ...more]), this.text(body), this.text('')];
    return this.ask('proxy_http_call', ...request, i32(timeoutMs), i32(AT.extra));
  }

  /**
   * Reads a header of the request into memory, and writes its address to `AT.pointer` and its size to `AT.size`.
   * Without the header the size is 0.
   */
  header(name: string, type = 0): string {
    const none = `(i32.store ${i32(AT.pointer)} ${i32(0)}) (i32.store ${i32(AT.size)} ${i32(0)})`;
    const places = [i32(AT.pointer), i32(AT.size)];
    return `${none} ${this.do('proxy_get_header_map_value', i32(type), this.text(name), ...places)}`;
  }

  /** Pointer and length of what the host returned last. */
  get given(): string {
    return `(i32.load ${i32(AT.pointer)}) (i32.load ${i32(AT.size)})`;
  }

  /** What to do if the header `x-do` begins with this letter. */
  on(letter: string, act: string): string {
    const first = `(i32.load8_u (i32.load ${i32(AT.pointer)}))`;
    return `${this.header('x-do')} (if (i32.eq ${first} ${i32(letter.charCodeAt(0))}) (then ${act}))`;
  }

  /** Sets the identity of the caller and continues. */
  grant(who = 'alice'): string {
    return `${this.set('X-Authenticated-User', who)} ${CONTINUE}`;
  }

  wat(parts: Parts): string {
    const imports = [...this.#imported].map((name) => {
      const parameters = '(param i32) '.repeat(PARAMETERS[name] ?? 0);
      return `(import "env" "${name}" (func $${name} ${parameters} (result i32)))`;
    });
    const body = [parts.body ?? '', ...this.#data].join('\n');
    return pluginWat({ ...parts, imports: [...imports, parts.imports ?? ''].join('\n'), body });
  }
}

export interface CallOptions {
  readonly path?: string;
  readonly method?: string;
  readonly body?: string;
  readonly timeoutMs?: number;
  readonly more?: readonly Pair[];
}

/** The binary of a plugin composed with its own kit. */
export function made(build: (kit: Kit) => Parts): Promise<Uint8Array> {
  const kit = new Kit();
  return fromWat(kit.wat(build(kit)));
}
