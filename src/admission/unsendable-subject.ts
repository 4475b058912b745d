/** Rejects a credential whose subject cannot be a header, because the upstream would treat the caller as anonymous. */
import { invalidToken, type Attempt } from '../auth/combine.js';
import type { CompiledMethod, CompiledMethods } from '../auth/compile.js';
import { readOffer } from '../auth/credentials.js';
import type { Rejected, Verdict } from '../auth/verdict.js';
import type { IdentityHeaders } from './identity-headers.js';

/**
 * Returns the same methods. A method that sets headers rejects if the header of the subject cannot be set
 * (docs/security.md).
 */
export function rejectUnsendableSubjects(methods: CompiledMethods, headers: IdentityHeaders): CompiledMethods {
  return new Map(
    [...methods].map(([name, method]) => [name, headers.hasRulesFor(name) ? guarded(method, headers) : method]),
  );
}

/**
 * The check is part of the method. An `any` requirement then tries other credentials, and gives this credential to no
 * other method.
 */
function guarded(method: CompiledMethod, headers: IdentityHeaders): CompiledMethod {
  const judge = (verdict: Verdict, attempt: Attempt): Verdict => {
    const unsendable =
      verdict.kind === 'granted' && verdict.identities.some((each) => headers.hasUnsendableSubject(each));
    return unsendable ? rejection(method, attempt) : verdict;
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
