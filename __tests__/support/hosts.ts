/** The four hosts that Loom supports, each with the same application behind it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import connect from 'connect';
import express5, { type ErrorRequestHandler } from 'express';
import type { Loom } from '../../src/loom.js';
import { closed, listening } from './recording-upstream.js';

const express4 = createRequire(__filename)('express4') as typeof express5;

export type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;
export type Handler = (req: IncomingMessage, res: ServerResponse) => void;

export interface Application {
  readonly gate: Loom;
  /** The mount path of Loom. node:http supports only the root. */
  readonly mount?: string;
  /** What the host runs before Loom. */
  readonly before?: Middleware;
  readonly handler: Handler;
  /** The error handler of the host, after the handler. */
  readonly failed?: Failed;
}

export interface Host {
  readonly port: number;
  readonly url: string;
  readonly server: Server;
  close(): Promise<void>;
}

type Listener = (application: Application) => Handler;

export type Failed = (error: unknown, req: IncomingMessage, res: ServerResponse) => void;

/** Makes an error handler. Express and Connect recognize it by its four parameters. */
export function errorHandler(failed: Failed): ErrorRequestHandler {
  const handler: ErrorRequestHandler = (error, req, res) => failed(error, req, res);
  return Object.defineProperty(handler, 'length', { value: 4 });
}

function expressListener(express: typeof express5): Listener {
  return ({ gate, mount = '/', before, handler, failed }) => {
    const app = express();
    if (before) app.use(before);
    app.use(mount, gate);
    app.use(handler);
    if (failed) app.use(errorHandler(failed));
    return app;
  };
}

const connectListener: Listener = ({ gate, mount = '/', before, handler, failed }) => {
  const app = connect();
  if (before) app.use(before);
  app.use(mount, gate);
  app.use(handler);
  if (failed) app.use(errorHandler(failed) as connect.ErrorHandleFunction);
  return app;
};

const plainListener: Listener = ({ gate, before, handler, failed }) => {
  return (req, res) => {
    const next = failed
      ? (error?: unknown): void => (error ? failed(error, req, res) : handler(req, res))
      : (): void => handler(req, res);
    const judge = (): void => gate(req, res, next);
    if (before) before(req, res, judge);
    else judge();
  };
};

async function start(listener: Handler): Promise<Host> {
  const server = createServer(listener);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const port = await listening(server);
  return { port, url: `http://127.0.0.1:${port}`, server, close: () => closed(server, [...sockets]) };
}

const LISTENERS: Readonly<Record<string, Listener>> = {
  'Express 5': expressListener(express5),
  'Express 4': expressListener(express4),
  Connect: connectListener,
  'node:http': plainListener,
};

export interface HostKind {
  readonly name: string;
  readonly start: (application: Application) => Promise<Host>;
}

export const HOSTS: readonly HostKind[] = Object.entries(LISTENERS).map(([name, listener]) => ({
  name,
  start: (application) => start(listener(application)),
}));
