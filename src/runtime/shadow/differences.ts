/** The bounded list of decisions that another configuration would change, grouped by what changes. */
import { reasonOf, subjectOf, type DifferenceKind, type Judgement } from './judgement.js';
import { keyOf, MOST_CALLERS, type ShadowCallers, type ShadowDifference, type ShadowSide } from './report.js';

export interface Seen {
  readonly kind: DifferenceKind;
  readonly live: Judgement;
  readonly candidate: Judgement;
  readonly at: number;
  readonly http_method: string;
  readonly host: string | undefined;
  readonly path: string;
}

const MOST_GROUPS = 256;

interface Group extends Omit<ShadowDifference, 'first_seen' | 'last_seen'> {
  readonly firstAt: number;
  lastAt: number;
  count: number;
  path: string;
  host: string | undefined;
  http_method: string;
  readonly callers: ShadowCallers[];
}

export class Differences {
  readonly #groups = new Map<string, Group>();
  /** Differences that are in no group, because the list is full. */
  omitted = 0;

  /** Returns the group of a difference, or undefined if the list is full. Names of the file bound the groups. */
  add(seen: Seen): ShadowDifference | undefined {
    const { kind, live, candidate } = seen;
    const [from, to] = [sideOf(live), sideOf(candidate)];
    const key = keyOf({ kind, from, to });
    let group = this.#groups.get(key);
    if (!group) {
      if (this.#groups.size >= MOST_GROUPS) {
        this.omitted += 1;
        return undefined;
      }
      group = started(seen, { from, to });
      this.#groups.set(key, group);
    }
    group.count += 1;
    group.lastAt = seen.at;
    group.path = seen.path;
    group.host = seen.host;
    group.http_method = seen.http_method;
    addCallers(group.callers, { live: subjectOf(live), candidate: subjectOf(candidate) });
    return shown(group);
  }

  list(): readonly ShadowDifference[] {
    return [...this.#groups.values()].map(shown);
  }
}

function started(
  { kind, live, candidate, at, http_method, host, path }: Seen,
  sides: Pick<Group, 'from' | 'to'>,
): Group {
  const why = reasonOf(kind, live, candidate);
  return { kind, ...sides, why, count: 0, firstAt: at, lastAt: at, callers: [], http_method, host, path };
}

function sideOf({ outcome, status, code, reason, route }: Judgement): ShadowSide {
  return { outcome, status, code, reason, route };
}

function addCallers(known: ShadowCallers[], callers: ShadowCallers): void {
  if (callers.live === undefined && callers.candidate === undefined) return;
  const isKnown = known.some(({ live, candidate }) => live === callers.live && candidate === callers.candidate);
  if (!isKnown && known.length < MOST_CALLERS) known.push(callers);
}

function shown({ firstAt, lastAt, callers, ...group }: Group): ShadowDifference {
  const time = (at: number): string => new Date(at).toISOString();
  return { ...group, first_seen: time(firstAt), last_seen: time(lastAt), callers: [...callers] };
}
