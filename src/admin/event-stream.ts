/** Makes pages that are event streams, as browsers and `curl -N` read them. */
import { safeJson, type StreamedPage } from './page.js';

/** Returns one event. The JSON is on one line. */
export function event(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${safeJson(value)}\n\n`;
}

export function eventStream(start: StreamedPage['start']): StreamedPage {
  return { status: 200, type: 'text/event-stream', start };
}
