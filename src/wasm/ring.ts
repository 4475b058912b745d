/**
 * A queue of frames in shared memory, from one thread to another. The reader copies each frame before it checks it, so
 * a writer that changes the memory later changes nothing.
 */

/** One message: whole numbers of 32 bits, and texts. */
export interface Frame {
  readonly id: number;
  readonly numbers: readonly number[];
  readonly texts: readonly string[];
}

/** The memory holds something that the other thread cannot have written correctly. */
export class RingError extends Error {
  override readonly name = 'RingError';
}

/** Positions of the two marks, in words. Each has its own cache line. */
const READ = 0;
const WRITTEN = 16;
const START = 32;
const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;
/** The words before the numbers of a frame: its length in words, serial, id, count of numbers, count of texts, width. */
const HEAD = 6;
/** In place of a length: the next frame is at the start of the memory. */
const WRAP = 0;
const WIDE = /[\u0100-\uffff]/;

/** @param bytes the length of the memory, a multiple of 4 */
export function ringMemory(bytes: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(bytes);
  const words = new Int32Array(memory);
  words[READ] = words[WRITTEN] = START;
  return memory;
}

class Ring {
  protected readonly words: Int32Array;
  protected readonly bytes: Buffer;
  /** The next position of this side. The memory could hold another one. */
  protected at = START;
  protected serial = 0;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory);
    this.bytes = Buffer.from(memory);
  }

  protected get end(): number {
    return this.words.length;
  }

  /** The position that the other side has published. */
  protected other(mark: typeof READ | typeof WRITTEN): number {
    const at = Atomics.load(this.words, mark);
    if (at < START || at >= this.end) throw new RingError(`a mark is at ${at}`);
    return at;
  }

  protected word(at: number): number {
    return this.words[at] as number;
  }
}

export class RingWriter extends Ring {
  /** Returns false if there is no room, and for a frame of more than a quarter of the memory. */
  write({ id, numbers, texts }: Frame): boolean {
    const text = texts.join('');
    const width = WIDE.test(text) ? 2 : 1;
    const from = HEAD + numbers.length + texts.length;
    const size = from + Math.ceil((text.length * width) / WORD_BYTES);
    const at = size * 4 > this.end ? undefined : this.#place(size);
    if (at === undefined) return false;
    const { words } = this;
    const serial = (this.serial + 1) | 0;
    words[at] = size;
    words[at + 1] = serial;
    words[at + 2] = id;
    words[at + 3] = numbers.length;
    words[at + 4] = texts.length;
    words[at + 5] = width;
    let place = at + HEAD;
    for (const number of numbers) words[place++] = number;
    for (const each of texts) words[place++] = each.length;
    this.bytes.write(text, (at + from) * WORD_BYTES, text.length * width, width === 2 ? 'utf16le' : 'latin1');
    const next = at + size === this.end ? START : at + size;
    // A plugin may have used up the stack, so that a call above throws. The writer is then unchanged.
    this.serial = serial;
    this.at = next;
    Atomics.store(words, WRITTEN, next);
    return true;
  }

  /** Where a frame fits in one piece. The writer never reaches the reader, because equal marks mean an empty ring. */
  #place(size: number): number | undefined {
    const read = this.other(READ);
    const { at, end } = this;
    if (at < read) return at + size < read ? at : undefined;
    if (at + size < end || (at + size === end && read !== START)) return at;
    if (START + size >= read) return undefined;
    this.words[at] = WRAP;
    return START;
  }
}

export class RingReader extends Ring {
  get isEmpty(): boolean {
    return Atomics.load(this.words, WRITTEN) === this.at;
  }

  /**
   * Returns the frames that were written until now.
   *
   * @throws RingError if the memory holds no valid frames
   */
  take(): readonly Frame[] {
    const until = this.other(WRITTEN);
    const frames: Frame[] = [];
    while (this.at !== until) {
      const size = this.word(this.at);
      if (size === WRAP && until < this.at) this.at = START;
      else frames.push(this.#frame(size, until > this.at ? until : this.end));
    }
    if (frames.length > 0) Atomics.store(this.words, READ, this.at);
    return frames;
  }

  /** Each word is read once. */
  #frame(size: number, end: number): Frame {
    const { at } = this;
    if (size < HEAD || size > end - at) throw new RingError(`a frame of ${size} words`);
    this.serial = (this.serial + 1) | 0;
    if (this.word(at + 1) !== this.serial) throw new RingError('a frame has another serial number');
    const [id, width] = [this.word(at + 2), this.word(at + 5)];
    const [numberCount, textCount] = [this.word(at + 3), this.word(at + 4)];
    const most = size - HEAD;
    if (!(numberCount >= 0 && textCount >= 0 && numberCount <= most && textCount <= most - numberCount)) {
      throw new RingError(`a frame with ${numberCount} numbers and ${textCount} texts`);
    }
    const numbers = this.#copy(at + HEAD, numberCount);
    const lengths = this.#copy(at + HEAD + numberCount, textCount);
    const from = at + HEAD + numberCount + textCount;
    const texts = this.#texts(lengths, { from, end: at + size, isWide: width === 2 });
    this.at = at + size === this.end ? START : at + size;
    return { id, numbers, texts };
  }

  #copy(from: number, count: number): readonly number[] {
    const copied: number[] = [];
    for (let at = from; at < from + count; at += 1) copied.push(this.word(at));
    return copied;
  }

  #texts(lengths: readonly number[], { from, end, isWide }: Place): readonly string[] {
    let left = (end - from) * (isWide ? WORD_BYTES / 2 : WORD_BYTES);
    for (const length of lengths) {
      if (length < 0 || length > left) throw new RingError(`a text of ${length} characters`);
      left -= length;
    }
    const whole = this.bytes.toString(isWide ? 'utf16le' : 'latin1', from * WORD_BYTES, end * WORD_BYTES);
    let next = 0;
    return lengths.map((length) => whole.slice(next, (next += length)));
  }
}

interface Place {
  readonly from: number;
  readonly end: number;
  readonly isWide: boolean;
}
