/** Reads the header fields of a prepared request as undici takes them: a list of names and values. */
import type { Outgoing } from '../engine.js';

/** undici writes these fields itself, or refuses a request that has them. */
const NOT_LISTED: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The order is that of the request. `Host` comes first and the framing field last: undici writes them there. A body
 * without a length leaves chunked.
 */
export function fieldsOf({ req: { headers }, carriesBody }: Outgoing): string[] {
  const fields: string[] = [];
  // HTTP/2 has `:authority`. Without any host undici names the endpoint, as Node does.
  const host = headers[':authority'] ?? headers.host;
  if (typeof host === 'string' && host !== '') fields.push('host', host);
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value === undefined || name.startsWith(':') || NOT_LISTED.has(name)) continue;
    if (typeof value === 'string') fields.push(name, value);
    else for (const each of value) fields.push(name, each);
  }
  const length = headers['content-length'];
  if (carriesBody && length !== undefined && headers['transfer-encoding'] === undefined)
    fields.push('content-length', length);
  return fields;
}
