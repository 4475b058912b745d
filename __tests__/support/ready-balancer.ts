/** A small load balancer: it asks `/ready` of each gateway, and forwards to gateways that are ready. */
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { closed, listening } from './recording-upstream.js';
import type { Socket } from 'node:net';

export interface Place {
  readonly port: number;
  /** The port of the admin address. */
  readonly admin: number;
}

export interface ReadyBalancer {
  readonly port: number;
  isIn(place: Place): boolean;
  close(): Promise<void>;
}

const POLL_MS = 20;

/** As balancers do, it keeps connections to the gateways and repeats no request. */
export async function readyBalancer(places: readonly Place[]): Promise<ReadyBalancer> {
  const agent = new Agent({ keepAlive: true });
  /** By the port of the admin address. */
  const ready = new Map<number, Place>();
  let turn = 0;
  let over = false;
  const poll = async (place: Place): Promise<void> => {
    while (!over) {
      if (await isReady(place)) ready.set(place.admin, place);
      else ready.delete(place.admin);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  };
  const polls = places.map(poll);
  const forward = (req: IncomingMessage, res: ServerResponse): void => {
    const list = [...ready.values()];
    const place = list[turn++ % list.length];
    if (!place) return void res.writeHead(503).end();
    const to = { host: '127.0.0.1', port: place.port, path: req.url, method: req.method, headers: req.headers, agent };
    const outgoing = request(to, (answer) => {
      res.writeHead(answer.statusCode ?? 0);
      answer.pipe(res);
    });
    outgoing.on('error', () => (res.headersSent ? res.destroy() : res.writeHead(502).end()));
    req.pipe(outgoing);
  };
  const sockets: Socket[] = [];
  const server = createServer(forward).on('connection', (socket) => sockets.push(socket));
  const port = await listening(server);
  return {
    port,
    isIn: ({ admin }) => ready.has(admin),
    close: async () => {
      over = true;
      await Promise.all(polls);
      await closed(server, sockets);
      agent.destroy();
    },
  };
}

function isReady({ admin }: Place): Promise<boolean> {
  return new Promise((resolve) => {
    request({ host: '127.0.0.1', port: admin, path: '/ready', agent: false })
      .on('response', (answer) => resolve(answer.resume().statusCode === 200))
      .on('error', () => resolve(false))
      .end();
  });
}
