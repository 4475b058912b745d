/** The names of the keys of the file, which no key of the store may have. */

/** What many databases and people do not see: case, accents, width and invisible characters. */
const folded = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/[\p{M}\p{Cf}]/gu, '')
    .toLowerCase();

export class TakenNames {
  #folded: ReadonlySet<string> | undefined;

  constructor(private readonly names: ReadonlySet<string>) {}

  /** Whether a name is one of the file, or looks like it. An upstream that gets the name may compare it loosely. */
  has(name: string): boolean {
    this.#folded ??= new Set([...this.names].map(folded));
    return this.#folded.has(folded(name));
  }
}
