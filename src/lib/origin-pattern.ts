/** Origins as a file lists them: `https://app.example.com`, `https://*.example.com`, or `*` for every one. */
import { isIP } from 'node:net';

export type OriginPattern =
  | { readonly kind: 'any' }
  | { readonly kind: 'exact'; readonly origin: string }
  /** Everything between the two, one label or more: the same as `*.example.com` as the host of a route. */
  | { readonly kind: 'subdomains'; readonly scheme: string; readonly suffix: string };

export type OriginFault = 'null' | 'malformed' | 'too_wide';

const WILDCARD = /^(https?:\/\/)\*(\.[^*/?#@\\]+)$/;

/** What an entry means, or what is wrong with it. */
export function parseOrigin(text: string): OriginPattern | OriginFault {
  if (text === '*') return { kind: 'any' };
  if (text === 'null') return 'null';
  if (!text.includes('*')) return isOrigin(text) ? { kind: 'exact', origin: text } : 'malformed';
  const [, scheme, suffix] = WILDCARD.exec(text) ?? [];
  if (scheme === undefined || suffix === undefined) return 'too_wide';
  const sample = `${scheme}a${suffix}`;
  if (!isOrigin(sample)) return 'malformed';
  return isShared(new URL(`${scheme}${suffix.slice(1)}`).hostname)
    ? 'too_wide'
    : { kind: 'subdomains', scheme, suffix };
}

/** As a browser writes it: lower case, no default port, no path, no slash at its end. */
function isOrigin(text: string): boolean {
  if (!/^https?:/.test(text) || !URL.canParse(text)) return false;
  const { origin, hostname } = new URL(text);
  // `https://*.com.` is all of .com, in the spelling with the root's dot.
  return origin === text && !/\.\.|^\.|\.$/.test(hostname);
}

/** Names under which anybody may have a page: a whole top level, `co.uk` and its kind, and the best known hosts of pages. */
function isShared(domain: string): boolean {
  if (isIP(domain) !== 0 || !domain.includes('.')) return true;
  return /^(?:ac|co|com|edu|gov|net|or|org)\.[a-z]{2}$/.test(domain) || HOSTS_OF_PAGES.has(domain);
}

const HOSTS_OF_PAGES = new Set(
  (
    'amazonaws.com appspot.com azurewebsites.net cloudfront.net firebaseapp.com fly.dev github.io gitlab.io ' +
    'herokuapp.com netlify.app ngrok.io ngrok-free.app onrender.com pages.dev run.app surge.sh trycloudflare.com ' +
    'vercel.app web.app workers.dev'
  ).split(' '),
);

/** Whether a pattern lets an `Origin` header in; `any` is not asked. */
export function matchesOrigin(pattern: Exclude<OriginPattern, { kind: 'any' }>, origin: string): boolean {
  if (pattern.kind === 'exact') return pattern.origin === origin;
  const { scheme, suffix } = pattern;
  if (!origin.startsWith(scheme) || !origin.endsWith(suffix)) return false;
  // No slash, no user, no second scheme in between: a name alone.
  return LABELS.test(origin.slice(scheme.length, -suffix.length));
}

const LABELS = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
