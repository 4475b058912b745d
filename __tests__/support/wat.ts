/** Modules for tests, from the text format: whole plugins with the minimum that the ABI requires. */
import wabt from 'wabt';

let parser: ReturnType<typeof wabt> | undefined;

/** The binary of a module in the text format. */
export async function fromWat(text: string): Promise<Uint8Array> {
  const wat = await (parser ??= wabt());
  const parsed = wat.parseWat('plugin.wat', text, { bulk_memory: true, sign_extension: true });
  try {
    return parsed.toBinary({}).buffer;
  } finally {
    parsed.destroy();
  }
}

export interface Parts {
  /** `(import …)` lines, which must come first. */
  readonly imports?: string;
  /** Functions, data and others. */
  readonly body?: string;
  readonly abi?: string;
  readonly memory?: string;
  readonly allocator?: string;
  /** The body of `proxy_on_request_headers`; its result is on the stack. */
  readonly onRequest?: string;
}

const ALLOCATOR = `
  (global $heap (mut i32) (i32.const 65536))
  (func $malloc (export "malloc") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $heap))
    (global.set $heap (i32.add (global.get $heap) (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -8))))
    (if (i32.gt_u (global.get $heap) (i32.const 120000)) (then (global.set $heap (i32.const 65536))))
    (local.get $at))`;

/** A plugin that continues, except where parts are given. */
export function pluginWat({
  imports = '',
  body = '',
  abi = '0_2_1',
  memory = '(memory (export "memory") 2)',
  allocator = ALLOCATOR,
  onRequest = '(i32.const 0)',
}: Parts = {}): string {
  return `(module
  ${imports}
  ${memory}
  ${allocator}
  (func (export "proxy_abi_version_${abi}"))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${onRequest})
  ${body})`;
}

/** A data segment. The text may contain \`\\00\`. */
export const data = (at: number, text: string): string => `(data (i32.const ${at}) "${text}")`;
