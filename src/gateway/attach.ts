/** Takes over the `upgrade` listeners of a host's server: none of them sees a socket that was not admitted. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Admitted } from './admit.js';
import { awaitContinue } from './expect.js';
import type { Handover } from './gateway.js';
import { setField } from './header-views.js';

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

export interface Attaching {
  readonly judge: JudgeUpgrade;
  /** Called before the host's listeners, so that a socket never outlives its identity. */
  readonly opened: (socket: Duplex, admitted: Admitted) => void;
}

/**
 * The listeners stay where they are, so that a host can add and remove them at any time; the event reaches them through
 * us alone. A second call on one server does nothing.
 */
export function attachUpgrades(server: Server, { judge, opened }: Attaching): void {
  if (attached.has(server)) return;
  attached.add(server);
  const emit = server.emit.bind(server) as (event: string | symbol, ...args: unknown[]) => boolean;
  const handOver: Handover = (req, socket, head, admitted) => {
    keepMarkerAlone(req);
    opened(socket, admitted);
    if (server.listenerCount('upgrade') > 1) emit('upgrade', req, socket, head);
    else socket.destroy();
  };
  server.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event !== 'upgrade') return emit(event, ...args);
    const [req, socket, head] = args as [IncomingMessage, Duplex, Buffer];
    judge(req, socket, { head, handOver });
    return true;
  };
  // Without any listener Node would serve an upgrade as a request.
  server.on('upgrade', () => undefined);
  answerContinueLate(server, emit);
}

/** `100 Continue` is written after admission, where the host has no other wish. */
function answerContinueLate(server: Server, emit: (event: string, ...args: unknown[]) => boolean): void {
  if (server.listenerCount('checkContinue') > 0) return;
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    awaitContinue(req);
    emit('request', req, res);
  });
}

/** The token leaves the subprotocols; `bearer` stays for the host to select, or a browser would fail the connection. */
function keepMarkerAlone(req: IncomingMessage): void {
  const offered = req.headers['sec-websocket-protocol'];
  if (offered === undefined) return;
  const entries = offered.split(',').map((entry) => entry.trim());
  const at = entries.indexOf('bearer');
  if (at < 0) return;
  entries.splice(at + 1, 1);
  setField(req, 'Sec-WebSocket-Protocol', entries.join(', '));
}
