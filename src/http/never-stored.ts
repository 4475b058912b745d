/** Keeps a response out of caches, whatever a later handler says about caching. */
import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';

type GivenHeaders = OutgoingHttpHeaders | OutgoingHttpHeader[];

const VALUE = 'private, no-store';

/**
 * The fields that decide about caching. A CDN reads its own field instead of `Cache-Control` (RFC 9213), and so do nginx
 * and LiteSpeed.
 */
const CACHE_FIELD = /^(?:(?:[\w-]+-)?cache-control|(?:surrogate|edge)-control|x-accel-expires)$/i;

/** Sets `Cache-Control: private, no-store` when the head is written, so that no handler can replace the value. */
export function neverStored(res: ServerResponse): void {
  const writeHead = res.writeHead.bind(res) as (...rest: unknown[]) => ServerResponse;
  replaceFields(res);
  const replacement = (...given: unknown[]): ServerResponse => {
    replaceFields(res);
    return writeHead(...given.map((each) => (isHeaders(each) ? withoutCacheFields(each) : each)));
  };
  res.writeHead = replacement;
}

function replaceFields(res: ServerResponse): void {
  for (const name of res.getHeaderNames()) if (isCacheField(name)) res.removeHeader(name);
  res.setHeader('Cache-Control', VALUE);
}

function isHeaders(value: unknown): value is GivenHeaders {
  return typeof value === 'object' && value !== null;
}

const isCacheField = (name: unknown): boolean => CACHE_FIELD.test(String(name));

/** Node accepts an object, a list of names and values, and a list of pairs. */
function withoutCacheFields(headers: GivenHeaders): GivenHeaders {
  if (!Array.isArray(headers)) {
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !isCacheField(name)));
  }
  if (Array.isArray(headers[0])) return headers.filter((pair) => !isCacheField((pair as string[])[0]));
  return headers.filter((_each, at) => !isCacheField(headers[at - (at % 2)]));
}
