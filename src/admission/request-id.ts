/** Sets the request id: the id of a trusted proxy, or a generated id. */
import { randomUUID } from 'node:crypto';
import type { RequestContext } from '../context/request-context.js';
import { foldName } from '../http/header-policy.js';
import { editFields, setField } from '../http/fields.js';

export interface RequestIdOptions {
  /** The header that contains the request id. */
  readonly header: string;
  /** Whether a request without an id receives a generated id. */
  readonly generate: boolean;
}

/** Visible ASCII characters that have no special meaning in logs and headers. */
const ID = /^[A-Za-z0-9._~:+/=-]{1,128}$/;

/** Keeps an id only from a trusted proxy. A client must not choose the request id. */
export function identifyRequest(
  context: RequestContext,
  { header, generate }: RequestIdOptions,
  trusted: boolean,
): string | undefined {
  const { request: req } = context;
  if (context.id !== undefined) return context.id;
  const given = req.headers[header.toLowerCase()];
  const folded = foldName(header);
  const id = trusted && typeof given === 'string' && ID.test(given) ? given : generate ? randomUUID() : undefined;
  if (id === undefined) return undefined;
  context.id = id;
  editFields(req, (name, value) => (foldName(name) === folded ? undefined : value));
  setField(req, header, id);
  return id;
}
