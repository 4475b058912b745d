/** A file as a middleware of a server in this process, and requests to it. */
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { Strategies } from '../../src/auth/host-strategy.js';
import { identitiesOf } from '../../src/admission/identities.js';
import { loom, type Loom } from '../../src/loom.js';
import { ask, type Question } from '../support/ask.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';

export interface Site {
  readonly gate: Loom;
  readonly port: number;
  /** `200` and who was let in, else the status. */
  readonly ask: (question?: Omit<Question, 'port'>) => Promise<string>;
}

export interface SiteOptions {
  readonly strategies?: Strategies;
  readonly now?: () => number;
  readonly tls?: ServerOptions;
}

const opened: (() => Promise<void>)[] = [];

/** For `afterEach`. */
export async function closeSites(): Promise<void> {
  for (const close of opened.splice(0).reverse()) await close();
}

export const who = (req: IncomingMessage): string =>
  identitiesOf(req)
    .map(({ method, subject }) => `${method}:${subject}`)
    .join(' ');

export async function site(text: string, { tls, ...options }: SiteOptions = {}): Promise<Site> {
  const gate = loom({ text, file: 'loom.yaml' }, { log: quietLog(), ...options });
  const listener = (req: IncomingMessage, res: Parameters<Loom>[1]): void => gate(req, res, () => res.end(who(req)));
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  const port = await listening(server);
  opened.push(
    () => gate.close(),
    () => closed(server),
  );
  return {
    gate,
    port,
    ask: async (question = {}) => {
      const { status, body } = await ask({ ...question, port });
      return status === 200 ? `200 ${body}`.trim() : String(status);
    },
  };
}

/** A file of one route for every path. */
export const fileOf = (blocks: string, auth: string, more = ''): string =>
  `middleware: { auth: { ${blocks} } }\nroutes: [{ id: all, path: /*, auth: ${auth}${more} }]\n`;
