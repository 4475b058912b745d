/** Takes over the `upgrade` listeners of a host's server: none of them sees a socket that was not admitted. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { listItems } from '../auth/credentials.js';
import { awaitContinue } from '../http/expect-continue.js';
import type { Handover } from './gateway.js';
import { setField } from '../http/fields.js';

/** Judges an upgrade and hands it over if it is admitted. */
export type JudgeUpgrade = (
  req: IncomingMessage,
  socket: Duplex,
  options: { head: Buffer; handOver: Handover },
) => void;

const attached = new WeakSet<object>();

export function isAttached(server: object): boolean {
  return attached.has(server);
}

/**
 * The listeners stay where they are, so that a host can add and remove them at any time; the event reaches them through
 * us alone. Several gates on one server all judge, the last attached first.
 */
export function attachUpgrades(server: Server, judge: JudgeUpgrade): void {
  const emit = server.emit.bind(server) as (event: string | symbol, ...args: unknown[]) => boolean;
  const innermost = !attached.has(server);
  attached.add(server);
  const pending = new PendingAnswers();
  const handOver: Handover = ({ request: req }, socket, head) => {
    if (!innermost) return void emit('upgrade', req, socket, head);
    keepMarkerAlone(req);
    if (server.listeners('upgrade').some((listener) => !placeholders.has(listener))) emit('upgrade', req, socket, head);
    else socket.destroy();
  };
  server.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event === 'request') pending.watch(args[1] as ServerResponse);
    if (event !== 'upgrade') return emit(event, ...args);
    const [req, socket, head] = args as [IncomingMessage, Duplex, Buffer];
    // Pipelined behind a request: whatever we wrote would be taken for the answer to that one.
    if (pending.on(req.socket)) socket.destroy();
    else judge(req, socket, { head, handOver });
    return true;
  };
  if (!innermost) return;
  // Without any listener Node would serve an upgrade as a request.
  const placeholder = (): void => undefined;
  placeholders.add(placeholder);
  server.on('upgrade', placeholder);
  answerContinueLate(server);
}

const placeholders = new WeakSet<object>();

/** Which sockets have a request that is not answered yet. */
class PendingAnswers {
  readonly #open = new WeakMap<object, number>();

  watch(res: ServerResponse): void {
    const { socket } = res.req;
    this.#open.set(socket, (this.#open.get(socket) ?? 0) + 1);
    res.once('close', () => this.#open.set(socket, (this.#open.get(socket) ?? 1) - 1));
  }

  on(socket: object): boolean {
    return (this.#open.get(socket) ?? 0) > 0;
  }
}

/** `100 Continue` is written after admission, where the host has no other wish. */
function answerContinueLate(server: Server): void {
  if (server.listenerCount('checkContinue') > 0) return;
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    awaitContinue(req, res);
    server.emit('request', req, res);
  });
}

/** The token leaves the subprotocols; `bearer` stays for the host to select, or a browser would fail the connection. */
function keepMarkerAlone(req: IncomingMessage): void {
  const offered = req.headers['sec-websocket-protocol'];
  if (offered === undefined) return;
  const entries = listItems(offered);
  const at = entries.indexOf('bearer');
  if (at < 0) return;
  entries.splice(at + 1, 1);
  setField(req, 'Sec-WebSocket-Protocol', entries.join(', '));
}
