/** Which URLs secrets and trust may travel to: https, or plain http to this machine, or what the file allows. */

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Whether the host of a URL is this machine, judged by its spelling alone: a name in DNS may lie. */
export function isLoopback(url: URL): boolean {
  return LOOPBACK.test(url.hostname);
}

/**
 * Why a URL may not be asked, in words for a diagnostic, or undefined if it may.
 *
 * @example urlProblem('http://id.example/keys', false) // 'must be https …'
 */
export function urlProblem(text: string, allowInsecureHttp: boolean): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) return 'must be an absolute https URL';
  if (url.username !== '' || url.password !== '') return 'must not contain a user or password';
  if (text.includes('#')) return 'must not contain a fragment';
  if (url.protocol === 'https:' || allowInsecureHttp || isLoopback(url)) return undefined;
  return 'must be https, or http on a loopback address, or stand beside "allow_insecure_http: true"';
}
