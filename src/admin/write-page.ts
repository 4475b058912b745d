/** Writes a page of the admin address: the whole body at once, or a stream that never holds much for a slow reader. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Page, StreamedPage } from './page.js';

/** Bytes that wait for a slow client. Further events are dropped. */
const MAX_WAITING = 262_144;
/** Proxies and clients close a connection that is silent for long. */
const HEARTBEAT_MS = 10_000;

export interface Asking {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Whether the configuration still has the credentials by which the page was opened. */
  readonly isAdmitted: () => boolean;
}

export function writePage(asking: Asking, page: Page): void {
  const { req, res } = asking;
  const { status, type, challenge, headers = {} } = page;
  res.setHeader('Content-Type', type);
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  if (challenge !== undefined) res.setHeader('WWW-Authenticate', challenge);
  // The rest of a body or of a doubtful request is not read as a new request.
  if (status >= 400 && status !== 404) res.setHeader('Connection', 'close');
  if ('start' in page) return stream(asking, page);
  res.setHeader('Content-Length', Buffer.byteLength(page.body));
  res.writeHead(status).end(req.method === 'HEAD' ? undefined : page.body);
}

/** A line that begins with a colon is a comment of an event stream. */
function stream({ req, res, isAdmitted }: Asking, { status, start }: StreamedPage): void {
  if (res.destroyed) return;
  res.writeHead(status);
  if (req.method === 'HEAD') return void res.end();
  res.flushHeaders();
  const write = (text: string): boolean => {
    if (res.destroyed || res.writableEnded || res.writableLength > MAX_WAITING) return false;
    // A reload has replaced the credentials. The client may ask again with the new one.
    if (!isAdmitted()) res.end();
    else res.write(text);
    return !res.writableEnded;
  };
  const heartbeat = setInterval(() => write(': heartbeat\n\n'), HEARTBEAT_MS).unref();
  const stop = start({ write, end: () => void res.end() });
  res.once('close', () => {
    clearInterval(heartbeat);
    stop();
  });
}
