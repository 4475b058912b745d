/** Intercepts the `upgrade` event of a host's server, so that its listeners receive only admitted sockets. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { listItems } from '../auth/credentials.js';
import { awaitContinue } from '../http/expect-continue.js';
import type { Handover } from './gateway.js';
import { setField } from '../http/fields.js';
import { upgradeWebSocketsAlone } from '../http/upgrade-check.js';
import { HiddenProperty } from '../lib/hidden-property.js';

/** Runs admission for an upgrade and passes the socket on if the upgrade is admitted. */
export type JudgeUpgrade = (
  req: IncomingMessage,
  socket: Duplex,
  options: { head: Buffer; handOver: Handover },
) => void;

const attached = new HiddenProperty<true>('attached');

export function isAttached(server: object): boolean {
  return attached.of(server) === true;
}

/**
 * The listeners stay on the server, so that a host can add and remove them at any time. Only Loom emits the event to
 * them. Several gateways on one server all run admission, starting with the last attached gateway.
 */
export function attachUpgrades(server: Server, judge: JudgeUpgrade): void {
  const emit = server.emit.bind(server) as (event: string | symbol, ...args: unknown[]) => boolean;
  const innermost = attached.of(server) !== true;
  attached.set(server, true);
  const pending = new PendingAnswers();
  const handOver: Handover = ({ request: req }, socket, head) => {
    if (!innermost) return void emit('upgrade', req, socket, head);
    keepMarkerAlone(req);
    if (server.listeners('upgrade').some((listener) => placeholders.of(listener) !== true))
      emit('upgrade', req, socket, head);
    else socket.destroy();
  };
  server.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event === 'request') pending.watch(args[1] as ServerResponse);
    if (event !== 'upgrade') return emit(event, ...args);
    const [req, socket, head] = args as [IncomingMessage, Duplex, Buffer];
    // The upgrade is pipelined after an open request. The client would read a denial as the response to that request.
    if (pending.on(req.socket)) socket.destroy();
    else judge(req, socket, { head, handOver });
    return true;
  };
  if (!innermost) return;
  // Without a listener Node would serve an upgrade as a request.
  const placeholder = (): void => undefined;
  placeholders.set(placeholder, true);
  server.on('upgrade', placeholder);
  upgradeWebSocketsAlone(server);
  answerContinueLate(server);
}

const placeholders = new HiddenProperty<true>('placeholder');

/** Counts the open requests of each socket, until their responses close. */
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

/** Writes `100 Continue` only after admission, unless the host has its own `checkContinue` listener. */
function answerContinueLate(server: Server): void {
  if (server.listenerCount('checkContinue') > 0) return;
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    awaitContinue(req, res);
    server.emit('request', req, res);
  });
}

/**
 * Removes the token from the subprotocols. `bearer` remains for the host to select. Otherwise a browser would close the
 * connection.
 */
function keepMarkerAlone(req: IncomingMessage): void {
  const offered = req.headers['sec-websocket-protocol'];
  if (offered === undefined) return;
  const entries = listItems(offered);
  const at = entries.indexOf('bearer');
  if (at < 0) return;
  entries.splice(at + 1, 1);
  setField(req, 'Sec-WebSocket-Protocol', entries.join(', '));
}
