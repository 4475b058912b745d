/** Key-value pairs that all instances of one VM id share, with compare-and-swap. Keys and bytes are bounded. */
import { LIMITS, Status } from './abi.js';

interface Entry {
  readonly value: Buffer;
  readonly cas: number;
}

export class SharedData {
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #cas = 0;

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** A `cas` of 0 is unconditional. For a new key any `cas` is accepted. */
  set(key: string, value: Buffer, cas: number): Status {
    const before = this.#entries.get(key);
    if (before && cas !== 0 && cas !== before.cas) return Status.CasMismatch;
    const bytes = this.#bytes - (before ? sizeOf(key, before.value) : 0) + sizeOf(key, value);
    if (bytes > LIMITS.sharedBytes || (!before && this.#entries.size >= LIMITS.sharedKeys)) return Status.BadArgument;
    this.#bytes = bytes;
    // Never 0, because 0 is unconditional.
    this.#cas = (this.#cas % 0xffff_ffff) + 1;
    this.#entries.set(key, { value, cas: this.#cas });
    return Status.Ok;
  }
}

const sizeOf = (key: string, value: Buffer): number => key.length + value.length;
