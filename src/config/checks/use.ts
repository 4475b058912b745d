/** Whether the auth methods that are enabled protect anything. */
import { methodsOf } from '../../auth/requirement.js';
import type { Context, Mode } from '../context.js';
import type { Plan } from '../plan-types.js';
import { AUTH, type Entry } from '../plan/methods.js';
import type { Draft } from '../plan/plan.js';

/** `enabled` alone protects nothing. */
export function checkUse({ plan, roster }: Draft, { report, mode }: Context): void {
  const requirements = [
    ...plan.routes.map(({ requirement }) => requirement),
    ...(plan.unmatched ? [plan.unmatched] : []),
  ];
  const used = new Set(requirements.flatMap(methodsOf));
  const enabled = roster.usable.filter((entry) => entry.from !== 'host' && !protectsAlone(entry, plan, mode));
  if (plan.routes.length > 0 && used.size === 0 && enabled.length > 0) {
    const names = enabled.map(({ name }) => name).join(', ');
    report.error({
      path: AUTH,
      code: 'nothing_required',
      message: `${names}: enabled, but no route requires anything; give routes an auth, or set chain`,
    });
    return;
  }
  for (const { name, from, path = [...AUTH, name] } of roster.usable) {
    if (used.has(name) || from !== 'file') continue;
    report.warning({ path, code: 'unused', message: `no route requires ${name}`, at: 'key' });
  }
}

/** Listeners that require certificates refuse the handshake without one, but only if every listener does. */
function protectsAlone({ from }: Entry, { listeners }: Pick<Plan, 'listeners'>, mode: Mode): boolean {
  if (from !== 'listener' || mode !== 'serve') return false;
  return listeners.every(({ tls }) => tls?.clientAuth === 'require' || tls?.clientAuth === 'verify');
}
