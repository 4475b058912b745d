/** Findings about an `oauth` block as a whole; messages never quote a secret. */
import { anchorsProblem } from '../../../certificates/trust-anchors.js';
import { urlProblem } from '../../../lib/tls-url.js';
import type { Finding } from '../../method.js';
import { subjectFindings } from '../token-subject.js';
import type { OauthOptions } from './options.js';

export function findingsOf(options: OauthOptions): readonly Finding[] {
  const subject = subjectFindings(options, options.issuer).map((each): Finding => ({
    ...each,
    path: ['subject_claim'],
  }));
  return [...endpointFindings(options), ...optionFindings(options), ...subject];
}

function optionFindings({ require_iss, issuer, ca, ca_file }: OauthOptions): readonly Finding[] {
  const needless: readonly Finding[] =
    require_iss === true && issuer === undefined
      ? [{ level: 'error', path: ['require_iss'], message: 'has no "issuer" to compare "iss" with; add "issuer"' }]
      : [];
  const problem = ca === undefined ? undefined : anchorsProblem(ca);
  const option = ca_file === undefined ? 'ca' : 'ca_file';
  return problem === undefined ? needless : [...needless, { level: 'error', path: [option], message: problem }];
}

function endpointFindings(options: OauthOptions): readonly Finding[] {
  const { introspection_url, issuer, allow_insecure_http } = options;
  const error = (option: string, message: string): Finding => ({ level: 'error', path: [option], message });
  if (introspection_url !== undefined) {
    const problem = urlProblem(introspection_url, allow_insecure_http);
    return problem === undefined ? [] : [error('introspection_url', problem)];
  }
  if (issuer === undefined) return [error('introspection_url', 'is required where no "issuer" says whom to ask')];
  const problem =
    urlProblem(issuer, allow_insecure_http) ?? (issuer.includes('?') ? 'must not contain a query' : undefined);
  return problem === undefined ? [] : [error('issuer', `${problem}, for the endpoint is discovered there`)];
}

/** The query of the URL is omitted, because it may contain a secret. */
export function whomToAsk({ introspection_url, issuer }: OauthOptions): string {
  if (introspection_url === undefined) return `discovered from ${issuer}`;
  const url = URL.canParse(introspection_url) ? new URL(introspection_url) : undefined;
  return url ? `${url.origin}${url.pathname}` : 'no URL';
}
