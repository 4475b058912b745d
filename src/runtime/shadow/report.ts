/** What a shadow file would change, as data: of one process, and of several together. */

/**
 * Requests by the outcome of the comparison.
 *
 * @example
 * import type { ShadowCounts } from 'loom-auth';
 *
 * export const isQuiet = ({ different, dropped }: ShadowCounts): boolean => different + dropped === 0;
 */
export interface ShadowCounts {
  /** Both files decide the same. */
  readonly same: number;
  /** The files decide otherwise. */
  readonly different: number;
  /** The shadow file needs the network, a password hash, a plugin or a strategy to decide. */
  readonly not_evaluated: number;
  /** Left out, because too many copies waited. */
  readonly dropped: number;
}

/**
 * The decision of one file.
 *
 * @example
 * import type { ShadowSide } from 'loom-auth';
 *
 * export const textOf = ({ outcome, route }: ShadowSide): string => `${outcome} at ${route ?? 'no route'}`;
 */
export interface ShadowSide {
  /** `granted`, `open`, `absent`, `rejected`, …: the outcomes of the metric `loom_decisions_total`. */
  readonly outcome: string;
  /** The status of a denial. */
  readonly status?: number | undefined;
  /** The code of a denial. */
  readonly code?: string | undefined;
  /** The reason of a denial. */
  readonly reason?: string | undefined;
  /** The id of the route. */
  readonly route?: string | undefined;
}

/**
 * The callers of a request: auth method and subject.
 *
 * @example
 * import type { ShadowCallers } from 'loom-auth';
 *
 * export const changes = ({ live, candidate }: ShadowCallers): string => `${live ?? 'none'} → ${candidate ?? 'none'}`;
 */
export interface ShadowCallers {
  /** As the file in use sees them. */
  readonly live?: string | undefined;
  /** As the shadow file sees them. */
  readonly candidate?: string | undefined;
}

/**
 * Requests that the shadow file decides otherwise in one way.
 *
 * @example
 * import type { ShadowDifference } from 'loom-auth';
 *
 * export const textOf = ({ count, from, to, why }: ShadowDifference): string =>
 *   `${count} x ${from.outcome} → ${to.outcome}: ${why}`;
 */
export interface ShadowDifference {
  /**
   * `decision`: another outcome. The others are admitted by both files: `identity` with another caller, `upstream` to
   * another upstream, `headers` with other identity headers.
   */
  readonly kind: 'decision' | 'identity' | 'upstream' | 'headers';
  /** The decision of the file in use. */
  readonly from: ShadowSide;
  /** The decision of the shadow file. */
  readonly to: ShadowSide;
  /** Why the shadow file decides otherwise, for the first request. */
  readonly why: string;
  /** How many requests were decided otherwise. */
  readonly count: number;
  /** ISO 8601. */
  readonly first_seen: string;
  /** ISO 8601. */
  readonly last_seen: string;
  /** The first ten different callers. */
  readonly callers: readonly ShadowCallers[];
  /** The HTTP method of the last request. */
  readonly http_method: string;
  /** The host of the last request. */
  readonly host?: string | undefined;
  /** The path of the last request, without its query. */
  readonly path: string;
}

/**
 * What the shadow file would change.
 *
 * @example
 * import { loom, type ShadowReport } from 'loom-auth';
 *
 * const gate = loom('loom.yaml', { shadow: 'next.yaml' });
 * const report: ShadowReport = gate.shadow();
 * console.log(report.differences.map(({ count, why }) => `${count} x ${why}`));
 */
export interface ShadowReport {
  /** `off`: there is no shadow file. `rejected`: the file is wrong. */
  readonly state: 'off' | 'active' | 'rejected';
  /** The shadow file. */
  readonly file?: string;
  /** When the file was loaded, ISO 8601. */
  readonly since?: string;
  /** Why the file is rejected. */
  readonly errors?: readonly string[];
  /** Why a reload with this file would be refused. */
  readonly reload_errors?: readonly string[];
  /** How many requests were compared. */
  readonly requests: ShadowCounts;
  /** Why requests were not evaluated. */
  readonly not_evaluated: readonly { readonly why: string; readonly count: number }[];
  /** The differences, the most frequent first. */
  readonly differences: readonly ShadowDifference[];
  /** Requests with a difference that is not in the list, because the list is full. */
  readonly omitted: number;
}

export const NO_SHADOW: ShadowReport = {
  state: 'off',
  requests: { same: 0, different: 0, not_evaluated: 0, dropped: 0 },
  not_evaluated: [],
  differences: [],
  omitted: 0,
};

/** One report of all workers. A worker that rejects the file decides about the state. */
export function togetherOf(reports: readonly ShadowReport[]): ShadowReport {
  const [first = NO_SHADOW, ...others] = reports;
  return others.reduce(merged, first);
}

function merged(one: ShadowReport, other: ShadowReport): ShadowReport {
  const worst = one.state === 'rejected' ? one : other.state === 'off' ? one : other;
  const { state, file, since, errors, reload_errors } = worst;
  const sum = (name: keyof ShadowCounts): number => one.requests[name] + other.requests[name];
  return {
    state,
    ...(file !== undefined && { file }),
    ...(since !== undefined && { since }),
    ...(errors && { errors }),
    ...(reload_errors && { reload_errors }),
    requests: {
      same: sum('same'),
      different: sum('different'),
      not_evaluated: sum('not_evaluated'),
      dropped: sum('dropped'),
    },
    not_evaluated: causesOf([...one.not_evaluated, ...other.not_evaluated]),
    differences: differencesOf([...one.differences, ...other.differences]),
    omitted: one.omitted + other.omitted,
  };
}

function causesOf(all: ShadowReport['not_evaluated']): ShadowReport['not_evaluated'] {
  const counts = new Map<string, number>();
  for (const { why, count } of all) counts.set(why, (counts.get(why) ?? 0) + count);
  return [...counts].map(([why, count]) => ({ why, count }));
}

/** The most callers of one difference in the report. */
export const MOST_CALLERS = 10;

/** Equal for the requests that the two files decide in the same two ways. */
export function keyOf({ kind, from, to }: Pick<ShadowDifference, 'kind' | 'from' | 'to'>): string {
  return JSON.stringify([kind, from, to]);
}

function differencesOf(all: readonly ShadowDifference[]): readonly ShadowDifference[] {
  const groups = new Map<string, ShadowDifference>();
  for (const each of all) {
    const key = keyOf(each);
    const known = groups.get(key);
    groups.set(key, known ? joined(known, each) : each);
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

function joined(one: ShadowDifference, other: ShadowDifference): ShadowDifference {
  const [last, earlier] = one.last_seen >= other.last_seen ? [one, other] : [other, one];
  const callers = new Map([...one.callers, ...other.callers].map((each) => [JSON.stringify(each), each]));
  return {
    ...last,
    count: one.count + other.count,
    first_seen: [one.first_seen, other.first_seen].sort()[0] ?? earlier.first_seen,
    callers: [...callers.values()].slice(0, MOST_CALLERS),
  };
}
