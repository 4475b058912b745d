/** Findings about an `oauth` block as a whole: whom it asks, and which claims are the subject. */
import { urlProblem } from '../../../lib/tls-url.js';
import type { Finding } from '../../method.js';
import { subjectFindings } from '../token-subject.js';
import type { OauthOptions } from './options.js';

export function findings(options: OauthOptions): readonly Finding[] {
  const { introspection_url, issuer, allow_insecure_http } = options;
  const about = subjectFindings(options, issuer).map((each): Finding => ({ ...each, path: ['subject_claim'] }));
  const error = (option: string, message: string): readonly Finding[] => [
    { level: 'error', path: [option], message },
    ...about,
  ];
  if (introspection_url !== undefined) {
    const problem = urlProblem(introspection_url, allow_insecure_http);
    return problem === undefined ? about : error('introspection_url', problem);
  }
  if (issuer === undefined) return error('introspection_url', 'is required where no "issuer" says whom to ask');
  const problem =
    urlProblem(issuer, allow_insecure_http) ?? (issuer.includes('?') ? 'must not contain a query' : undefined);
  return problem === undefined ? about : error('issuer', `${problem}, for the endpoint is discovered there`);
}
