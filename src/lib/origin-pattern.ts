/**
 * Parses the origins of a file: `https://app.example.com`, `https://*.example.com`, `capacitor://localhost`, or `*` for
 * every origin.
 */
import { isIP } from 'node:net';

export type OriginPattern =
  | { readonly kind: 'any' }
  | { readonly kind: 'exact'; readonly origin: string }
  /** The part between scheme and suffix has one label or more, as in `*.example.com` as the host of a route. */
  | { readonly kind: 'subdomains'; readonly scheme: string; readonly suffix: string };

export type OriginFault = 'null' | 'malformed' | 'too_wide';

const WILDCARD = /^(https?:\/\/)\*(\.[^*/?#@\\]+)$/;

/** Returns the pattern of an entry, or its fault. */
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

/**
 * The origin of an app or of a browser extension, such as `tauri://localhost` and `chrome-extension://abc`. The URL
 * standard gives such an origin no text, but browsers and web views send scheme and host.
 */
const OF_APP = /^([a-z][a-z0-9+.-]*):\/\/[a-z0-9._-]+(?::[1-9]\d{0,4})?$/;

/** Pages of these schemes have the origin `null`, or no page has one. */
const WITHOUT_PAGES = new Set(
  'about blob data file filesystem ftp ftps http https javascript mailto null ws wss'.split(' '),
);

/** The spelling of a browser: lower case, no default port, no path, no slash at the end. */
function isOrigin(text: string): boolean {
  const [, scheme] = OF_APP.exec(text) ?? [];
  if (scheme !== undefined && !WITHOUT_PAGES.has(scheme)) return true;
  if (!/^https?:/.test(text) || !URL.canParse(text)) return false;
  const { origin, hostname } = new URL(text);
  // `https://*.com.` covers all of .com, in the spelling with the root dot.
  return origin === text && !/\.\.|^\.|\.$/.test(hostname);
}

/**
 * Domains under which any person can publish a page: a top-level domain, `co.uk` and similar, and the best known page
 * hosts.
 */
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

/** Whether a pattern matches an `Origin` header. The caller does not ask for `any`. */
export function matchesOrigin(pattern: Exclude<OriginPattern, { kind: 'any' }>, origin: string): boolean {
  if (pattern.kind === 'exact') return pattern.origin === origin;
  const { scheme, suffix } = pattern;
  if (!origin.startsWith(scheme) || !origin.endsWith(suffix)) return false;
  // The text between contains only a name: no slash, no user, no second scheme.
  return LABELS.test(origin.slice(scheme.length, -suffix.length));
}

const LABELS = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
