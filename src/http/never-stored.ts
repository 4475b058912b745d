/** Keeps a response out of caches, whatever a later handler says about caching. */
import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';

type GivenHeaders = OutgoingHttpHeaders | OutgoingHttpHeader[];

const VALUE = 'private, no-store';

/** Sets `Cache-Control: private, no-store` when the head is written, so that no handler can replace the value. */
export function neverStored(res: ServerResponse): void {
  const writeHead = res.writeHead.bind(res) as (...rest: unknown[]) => ServerResponse;
  res.setHeader('Cache-Control', VALUE);
  const replacement = (...given: unknown[]): ServerResponse => {
    res.setHeader('Cache-Control', VALUE);
    return writeHead(...given.map((each) => (isHeaders(each) ? withoutCacheControl(each) : each)));
  };
  res.writeHead = replacement;
}

function isHeaders(value: unknown): value is GivenHeaders {
  return typeof value === 'object' && value !== null;
}

const isCacheControl = (name: unknown): boolean => String(name).toLowerCase() === 'cache-control';

/** Node accepts an object, a list of names and values, and a list of pairs. */
function withoutCacheControl(headers: GivenHeaders): GivenHeaders {
  if (!Array.isArray(headers)) {
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !isCacheControl(name)));
  }
  if (Array.isArray(headers[0])) return headers.filter((pair) => !isCacheControl((pair as string[])[0]));
  return headers.filter((_each, at) => !isCacheControl(headers[at - (at % 2)]));
}
