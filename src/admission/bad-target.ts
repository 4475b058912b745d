/** The denial of an ambiguous path. The log says which path and why; the client receives only the code. */
import { loggedPath } from '../http/logged-path.js';
import type { BadTargetReason } from '../http/target.js';
import type { AmbiguousCut } from '../routing/route-table.js';
import type { Denial } from './denial.js';

const DETAILS: Readonly<Record<BadTargetReason, string>> = {
  form: 'the target is not a path, or its authority differs from the Host header',
  character: 'the path or the query contains a character that must be percent-encoded',
  escape: 'the path contains an invalid escape, a double escape, or an escape of a control character or of "\\"',
  segment: 'the path contains a dot segment or an empty segment, or an upstream may read one in it',
  too_many_segments: 'the path has more segments than max_path_segments',
  too_many_readings: 'upstreams may read the path in too many ways',
};

export function badTarget(url: string, reason: BadTargetReason): Denial {
  return ambiguous(url, { detail: DETAILS[reason] });
}

export function encodedSlash(url: string): Denial {
  return ambiguous(url, { detail: 'the path contains %2f, and its route does not have "allow_encoded_slash: true"' });
}

export function ambiguousCut(url: string, { other }: AmbiguousCut): Denial {
  if (!other) {
    return ambiguous(url, { detail: 'an upstream that ends the path at ";", "?" or "#" reads a path without a route' });
  }
  const detail = 'an upstream that ends the path at ";", "?" or "#" reads a path of another route';
  return ambiguous(url, { detail, otherRoute: other.id });
}

function ambiguous(url: string, about: { readonly detail: string; readonly otherRoute?: string }): Denial {
  return { status: 400, code: 'bad_target', target: { path: loggedPath(url), ...about } };
}
