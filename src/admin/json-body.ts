/** Reads the small JSON body of a POST to an admin page. */
import type { IncomingMessage } from 'node:http';
import { json, type WholePage } from './page.js';

/** The longest body of a page that does not say more, in bytes. */
const MAX_BODY = 65_536;

export type BodyRead =
  { readonly kind: 'read'; readonly value: unknown } | { readonly kind: 'refused'; readonly page: WholePage };

/** A form of another site cannot send this media type. A chunked body has no length to check first. */
export async function readJsonBody(req: IncomingMessage, maxBody = MAX_BODY): Promise<BodyRead> {
  const { headers } = req;
  const media = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (media !== 'application/json') return refused(415, 'the body must be application/json');
  if (headers['transfer-encoding'] !== undefined || headers['content-length'] === undefined)
    return refused(411, 'the request needs Content-Length');
  if (Number(headers['content-length']) > maxBody) return refused(413, `the body is longer than ${maxBody} bytes`);
  const pieces: Buffer[] = [];
  try {
    for await (const piece of req) pieces.push(piece as Buffer);
    return { kind: 'read', value: JSON.parse(Buffer.concat(pieces).toString()) as unknown };
  } catch {
    return refused(400, 'the body is no JSON');
  }
}

/** Whether a request that needs no body has one. */
export function hasUnexpectedBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

const refused = (status: number, error: string): BodyRead => ({ kind: 'refused', page: json(status, { error }) });
