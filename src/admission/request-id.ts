/** The id of a request: a trusted proxy's, or one of our own; on the request, on the answer and in the log. */
import { randomUUID } from 'node:crypto';
import type { RequestContext } from '../context/request-context.js';
import { foldName } from '../http/header-policy.js';
import { editFields, setField } from '../http/fields.js';

export interface RequestIdOptions {
  /** The header that carries it. */
  readonly header: string;
  /** Whether a request without one gets one. */
  readonly generate: boolean;
}

/** Visible ASCII without what logs and headers read as more than a name. */
const ID = /^[A-Za-z0-9._~:+/=-]{1,128}$/;

/** What a client chooses is no id of ours: only a trusted proxy's is kept. */
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
