/** Rejects a credential whose subject no header can carry: without its header the upstream would take the caller for nobody. */
import { invalidToken, type Attempt } from '../auth/combine.js';
import type { CompiledMethod, CompiledMethods } from '../auth/compile.js';
import { readOffer } from '../auth/credentials.js';
import type { Rejected, Verdict } from '../auth/verdict.js';
import { hasUntoldSubject, type RulesByMethod } from './identity-headers.js';

/** The same methods; those that set headers reject where the header of the subject could not be set (spec §5). */
export function rejectUntoldSubjects(methods: CompiledMethods, rules: RulesByMethod): CompiledMethods {
  return new Map(
    [...methods].map(([name, method]) => [
      name,
      (rules.get(name) ?? []).length === 0 ? method : guarded(method, rules),
    ]),
  );
}

/** Within the method, so that an `any` goes on with other credentials and offers this one to no other method. */
function guarded(method: CompiledMethod, rules: RulesByMethod): CompiledMethod {
  const judge = (verdict: Verdict, attempt: Attempt): Verdict => {
    const untold = verdict.kind === 'granted' && verdict.identities.some((each) => hasUntoldSubject(rules, each));
    return untold ? rejection(method, attempt) : verdict;
  };
  return {
    ...method,
    authenticate: (attempt) => {
      const verdict = method.authenticate(attempt);
      return verdict instanceof Promise ? verdict.then((late) => judge(late, attempt)) : judge(verdict, attempt);
    },
  };
}

function rejection({ places, challenge }: CompiledMethod, { request }: Attempt): Rejected {
  const offer = readOffer(request, places);
  return {
    kind: 'rejected',
    status: 401,
    reason: 'subject_invalid',
    challenges: challenge ? [invalidToken(challenge)] : [],
    ...(offer.kind === 'one' && { credential: offer.value }),
  };
}
