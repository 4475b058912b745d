/** The id of a request: a trusted proxy's, or one of our own; on the request, on the answer and in the log. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Note } from '../lib/note.js';
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

const ids = new Note<string>('request id');

/** The id that the request was given; undefined where the file asks for none. */
export function requestIdOf(req: IncomingMessage): string | undefined {
  return ids.of(req);
}

/** What a client chooses is no id of ours: only a trusted proxy's is kept. */
export function identifyRequest(
  req: IncomingMessage,
  { header, generate }: RequestIdOptions,
  trusted: boolean,
): string | undefined {
  const known = ids.of(req);
  if (known !== undefined) return known;
  const given = req.headers[header.toLowerCase()];
  const folded = foldName(header);
  const id = trusted && typeof given === 'string' && ID.test(given) ? given : generate ? randomUUID() : undefined;
  if (id === undefined) return undefined;
  ids.set(req, id);
  editFields(req, (name, value) => (foldName(name) === folded ? undefined : value));
  setField(req, header, id);
  return id;
}
