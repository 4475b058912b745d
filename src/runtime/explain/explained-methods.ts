/** Describes what each auth method of a requirement found in a described request. */
import { textOf } from '../../auth/refusal-detail.js';
import { NotEvaluatedError } from '../../lib/not-evaluated.js';
import type { Detail } from '../../auth/verdict.js';
import type { Plan } from '../../config/plan-types.js';
import { REASON_CURES } from './cures.js';
import type { ExplainedMethod } from './explanation.js';
import type { HeardVerdict, Evaluation } from './evaluation.js';

/** The methods that decided, in their order, and then those that were not tried. */
export function explainMethods(
  plan: Plan,
  { verdicts }: Evaluation,
  required: readonly string[],
): readonly ExplainedMethod[] {
  const heard = verdicts.map((each) => ({ name: each.name, looksIn: looksIn(plan, each.name), ...resultOf(each) }));
  const untried = required.filter((name) => verdicts.every((each) => each.name !== name));
  return [
    ...heard,
    ...untried.map((name): ExplainedMethod => {
      return { name, result: 'not_tried', looksIn: looksIn(plan, name), found: { kind: 'unknown' } };
    }),
  ];
}

type Result = Omit<ExplainedMethod, 'name' | 'looksIn'>;

function resultOf({ name, verdict, found }: HeardVerdict): Result {
  switch (verdict.kind) {
    case 'granted':
      return { result: 'granted', found };
    case 'absent': {
      // A value that is there belongs to another method.
      const cure = found.kind === 'none' ? { cure: REASON_CURES.credential_missing } : {};
      return { result: 'absent', found, reason: 'credential_missing', ...detailOf(name, verdict), ...cure };
    }
    case 'answered':
      return { result: 'answered', found, status: verdict.response.status };
    case 'rejected': {
      const { status, reason } = verdict;
      return { result: 'rejected', found, status, reason, ...detailOf(name, verdict), cure: REASON_CURES[reason] };
    }
    case 'unavailable': {
      const { reason, cause } = verdict;
      if (cause instanceof NotEvaluatedError)
        return { result: 'not_evaluated', found, detail: cause.message, needs: cause.need };
      return { result: 'unavailable', found, reason, ...detailOf(name, verdict), cure: REASON_CURES[reason] };
    }
  }
}

/** The longest sentence, as in the log. */
const LONGEST_DETAIL = 1_024;

/** The sentence without the name of the method, which begins each sentence in the log. */
function detailOf(name: string, { detail }: { readonly detail?: Detail | undefined }): Pick<ExplainedMethod, 'detail'> {
  const text = detail?.().slice(0, LONGEST_DETAIL);
  if (text === undefined) return {};
  return { detail: text.startsWith(`${name}: `) ? text.slice(name.length + 2) : text };
}

function looksIn(plan: Plan, name: string): readonly string[] {
  const method = plan.methods.find((each) => each.name === name);
  if (!method) return [];
  return method.certificate ? ['client certificate'] : method.places.map(textOf);
}
