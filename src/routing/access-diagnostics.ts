/** Reports access changes for `diff` and reloads: unconsented openings, weaker demands and unused consent. */
import type { Compiled } from '../config/index.js';
import type { Diagnostic } from '../config/diagnostics.js';
import { saysOpen } from '../config/open-routes.js';
import { CUT_OFF, type AccessChange } from './access-comparison.js';

/** The new file, with the positions of its routes and entries. */
export type NewFile = Pick<Compiled, 'plan' | 'placeOf' | 'placeOfOpening'>;

/** Returns an error for each guarded region that would open, with the entry that consents. */
export function openingsIn(changes: readonly AccessChange[], file: NewFile): readonly Diagnostic[] {
  return changes.filter(({ opens }) => opens).map((change) => openingAt(change, file));
}

function openingAt(change: AccessChange, file: NewFile): Diagnostic {
  const { where, before, after } = change;
  const would = after === 'PUBLIC' ? after : `PUBLIC (${after})`;
  const what =
    after === CUT_OFF
      ? `would be guarded by ${before} only where its headers or query match`
      : `was guarded by ${before} and would be ${would}: ${takerOf(change, file)} takes the requests`;
  const message = `${where} ${what}; if that is meant, ${consentOf(change, file)} at the top level`;
  return diagnosticOf(change, file, { code: 'reload_opens', message });
}

function consentOf({ after, consent, route, where }: AccessChange, { plan }: NewFile): string {
  const entry = `opens: [${JSON.stringify(consent?.entry ?? where)}]`;
  if (after === CUT_OFF) return `add a guarded route without the condition, or ${entry}`;
  if (consent?.route !== undefined) return `add the route ${consent.route}, or ${entry}`;
  const taker = route === undefined ? undefined : plan.routes[route];
  return taker && !saysOpen(taker) ? `say "auth: none" there, or ${entry}` : `add ${entry}`;
}

/** Returns a warning for each guarded region that falls to a route with another demand. */
export function fallsIn(changes: readonly AccessChange[], file: NewFile): readonly Diagnostic[] {
  return changes
    .filter(({ weakens }) => weakens)
    .map((change) => {
      const { where, before, after } = change;
      const message =
        `${where} was guarded by ${before} and falls to ${takerOf(change, file)}, which demands ${after}; ` +
        'if that is meant, give the path a route of its own';
      return diagnosticOf(change, file, { level: 'warning', code: 'reload_weakens', message });
    });
}

/** Returns a warning for each entry of `opens` that opened nothing. */
export function unusedOpens(changes: readonly AccessChange[], file: NewFile): readonly Diagnostic[] {
  const used = new Set(changes.flatMap(({ openedBy }) => openedBy ?? []));
  return (file.plan.opens ?? []).flatMap(({ text }, at): Diagnostic[] => {
    if (used.has(text)) return [];
    const message = `opened nothing: ${text} was not guarded before, or is guarded still; remove the entry`;
    return [{ level: 'warning', code: 'unused_opens', ...file.placeOfOpening(at), message }];
  });
}

function takerOf({ route }: AccessChange, { plan, placeOf }: NewFile): string {
  if (route === undefined) return 'the host application';
  const [{ id }, { path }] = [plan.routes[route] as NewFile['plan']['routes'][number], placeOf(route)];
  return id === path ? path : `${path} (${id})`;
}

type Said = Pick<Diagnostic, 'code' | 'message'> & Partial<Pick<Diagnostic, 'level'>>;

function diagnosticOf({ route }: AccessChange, { plan, placeOf }: NewFile, said: Said): Diagnostic {
  const place = route === undefined ? { file: plan.file, line: 1, column: 1, path: '' } : placeOf(route);
  return { level: 'error', ...place, ...said };
}
