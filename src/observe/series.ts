/** The values of one metric, with one series for each combination of label values. */
import type { METRICS } from '../lib/metrics.js';

type Kind = (typeof METRICS)[keyof typeof METRICS];
export type LabelValues = Readonly<Record<string, string>>;

/** One line of a scrape, in the form that prom-client's registry reads. */
interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

type Branch<Cell> = Map<string, Branch<Cell> | Cell>;

/**
 * prom-client hashes the labels on each increment, which costs a microsecond per request. This class finds a series
 * with one lookup per label. The registry reads only `name` and `get()` of a metric.
 */
abstract class Series<Cell extends object> {
  readonly help: string;
  readonly type: Kind['type'];
  /** How the values of several processes are combined. */
  readonly aggregator: 'sum' | 'min' | 'max';
  readonly #labels: readonly string[];
  #root: Branch<Cell> = new Map();
  #alone: Cell | undefined;

  constructor(
    readonly name: string,
    kind: Kind,
  ) {
    this.help = kind.help;
    this.type = kind.type;
    this.#labels = kind.labels;
    this.aggregator = 'together' in kind ? kind.together : 'sum';
  }

  protected abstract create(): Cell;
  protected abstract samples(labels: LabelValues, cell: Cell): readonly Sample[];

  protected cell(labels: LabelValues): Cell {
    const names = this.#labels;
    const last = names.length - 1;
    if (last < 0) return (this.#alone ??= this.create());
    let branch = this.#root;
    for (let at = 0; at < last; at++) {
      const value = labels[names[at] as string] as string;
      let next = branch.get(value) as Branch<Cell> | undefined;
      if (next === undefined) branch.set(value, (next = new Map()));
      branch = next;
    }
    const value = labels[names[last] as string] as string;
    let cell = branch.get(value) as Cell | undefined;
    if (cell === undefined) branch.set(value, (cell = this.create()));
    return cell;
  }

  get(): Promise<object> {
    const { name, help, type, aggregator } = this;
    const values = [...this.#cells()].flatMap(([labels, cell]) => this.samples(labels, cell));
    return Promise.resolve({ name, help, type, aggregator, values });
  }

  /** Removes the series whose label value is no longer in use. */
  keep(label: string, values: ReadonlySet<string>): void {
    if (!this.#labels.includes(label)) return;
    const kept = [...this.#cells()].filter(([labels]) => values.has(labels[label] ?? ''));
    this.#root = new Map();
    for (const [labels, cell] of kept) Object.assign(this.cell(labels), cell);
  }

  *#cells(): Generator<readonly [LabelValues, Cell]> {
    if (this.#alone) yield [{}, this.#alone];
    yield* walk<Cell>(this.#root, this.#labels);
  }
}

function* walk<Cell>(branch: Branch<Cell>, names: readonly string[]): Generator<readonly [LabelValues, Cell]> {
  const [name = '', ...rest] = names;
  for (const [value, next] of branch) {
    if (rest.length === 0) yield [{ [name]: value }, next as Cell];
    else for (const [labels, cell] of walk(next as Branch<Cell>, rest)) yield [{ [name]: value, ...labels }, cell];
  }
}

interface Total {
  value: number;
}

/** A counter or a gauge. */
export class Totals extends Series<Total> {
  protected create = (): Total => ({ value: 0 });

  protected samples(labels: LabelValues, { value }: Total): readonly Sample[] {
    return [{ labels, value }];
  }

  add(labels: LabelValues, by: number): void {
    if (by > 0) this.cell(labels).value += by;
  }

  set(labels: LabelValues, value: number): void {
    this.cell(labels).value = value;
  }
}

interface Times {
  sum: number;
  /** The count of each bucket, not cumulative. The last bucket is for values above all bounds. */
  counts: number[];
}

export class Histogram extends Series<Times> {
  constructor(
    name: string,
    kind: Kind,
    private readonly bounds: readonly number[],
  ) {
    super(name, kind);
  }

  protected create = (): Times => ({ sum: 0, counts: new Array<number>(this.bounds.length + 1).fill(0) });

  protected samples(labels: LabelValues, { sum, counts }: Times): readonly Sample[] {
    let total = 0;
    const buckets = counts.map((count, at) => {
      total += count;
      return { metricName: `${this.name}_bucket`, labels: { ...labels, le: this.bounds[at] ?? '+Inf' }, value: total };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: sum },
      { metricName: `${this.name}_count`, labels, value: total },
    ];
  }

  observe(labels: LabelValues, seconds: number): void {
    const cell = this.cell(labels);
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && seconds > (bounds[at] as number)) at++;
    cell.counts[at] = (cell.counts[at] as number) + 1;
    cell.sum += seconds;
  }
}
