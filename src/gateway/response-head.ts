/** Writes an upstream's response head to the client, beside what we have to say ourselves. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { reasonPhrase, type Field } from './end-to-end.js';

export interface ResponseHead {
  readonly message: IncomingMessage;
  readonly fields: readonly Field[];
  /** Called when the upstream's fields are set, and before the head is written. */
  readonly decorate?: ((res: ServerResponse) => void) | undefined;
}

/** Throws where Node will not send it. */
export function writeHead(res: ServerResponse, { message, fields, decorate }: ResponseHead): void {
  for (const [name, values] of fields) setField(res, name, values);
  decorate?.(res);
  const reason = reasonPhrase(message);
  const status = message.statusCode ?? 0;
  if (reason === undefined) res.writeHead(status);
  else res.writeHead(status, reason);
}

/** Fields that several hands may set are joined; of all others the upstream's stands. */
function setField(res: ServerResponse, name: string, values: readonly string[]): void {
  const key = name.toLowerCase();
  if (res.hasHeader(name) && (key === 'set-cookie' || key === 'vary')) res.appendHeader(name, values);
  else res.setHeader(name, values.length === 1 ? (values[0] as string) : values);
}
