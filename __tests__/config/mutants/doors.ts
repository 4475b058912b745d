/** Judges many mutants and keeps what became of them; what earlier files of the page have shown already is sampled. */
import { judge, type Judged, type PageCase } from './page-access.js';
import type { Mutant } from './text-mutants.js';

/** Of mutants whose place is the same in an earlier file of the page, one in so many. */
const SAMPLE = 8;

/** What spec.md opens, where: `block 10 middleware` → outcome → places. */
export type Exceptions = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

export class Doors {
  readonly #exceptions = new Map<string, Map<string, Set<string>>>();
  readonly #counts = new Map<string, number>();
  /** One mutant for each way in which a file lets requests in: what is tried at work. */
  readonly samples = new Map<string, { readonly page: PageCase; readonly mutant: Mutant; readonly judged: Judged }>();
  readonly #seen = new Set<string>();
  #skipped = 0;

  constructor(private readonly breadth: 'core' | 'every') {}

  /** `contextOf`: what stands at the place of a mutant, with all around it that counts. */
  try(page: PageCase, mutants: Iterable<Mutant>, contextOf: (place: string) => string): void {
    const here = new Set<string>();
    for (const mutant of mutants) {
      const around = contextOf(mutant.place);
      // Routes mean something else to a gateway.
      const context = around.startsWith('routes') ? `${page.mode} ${around}` : around;
      here.add(context);
      if (this.breadth === 'core' && this.#seen.has(context) && ++this.#skipped % SAMPLE > 0) continue;
      this.one(page, mutant);
    }
    for (const context of here) this.#seen.add(context);
  }

  one(page: PageCase, mutant: Mutant): void {
    const judged = judgeOrTell(page, mutant);
    const { outcome, each } = judged;
    this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + 1);
    const name = `${page.name} ${page.mode}`;
    const vector = `${name}: ${each.join()}`;
    if (outcome !== 'refused' && !this.samples.has(vector)) this.samples.set(vector, { page, mutant, judged });
    if (outcome === 'refused' || outcome === 'closed') return;
    // Whatever a path becomes, its route is gone; but only some slips may open one.
    const where = /^(?:public|on purpose)$/.test(outcome) ? `${mutant.place} ${mutant.slip}` : mutant.place;
    let outcomes = this.#exceptions.get(name);
    if (!outcomes) this.#exceptions.set(name, (outcomes = new Map<string, Set<string>>()));
    outcomes.set(outcome, (outcomes.get(outcome) ?? new Set()).add(where));
  }

  get exceptions(): Exceptions {
    const entries = [...this.#exceptions].map(([name, outcomes]) => {
      return [
        name,
        Object.fromEntries([...outcomes].map(([outcome, places]) => [outcome, [...places].sort()])),
      ] as const;
    });
    return Object.fromEntries(entries);
  }

  get tally(): string {
    return [...this.#counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ');
  }
}

function judgeOrTell(page: PageCase, { place, slip, text }: Mutant): Judged {
  try {
    return judge(page, text);
  } catch (cause) {
    throw new Error(`${page.name} ${page.mode}, ${place}: ${slip}: ${(cause as Error).message}\n${text}`, { cause });
  }
}
