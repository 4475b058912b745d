/** A gateway that records its decision about each request, as an independent judgement of its file. */
import { Agent, createServer, request, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { identitiesOf } from '../../src/admission/identities.js';
import type { ConfigSource } from '../../src/config/source.js';
import { loom } from '../../src/loom.js';
import type { Now } from '../../src/lib/types.js';
import { quietLog } from './quiet-log.js';
import { closed, listening } from './recording-upstream.js';

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
}

/** What a gateway did with a request. */
export interface Judged {
  /** `granted`, `open`, `preflight`, or the status, code and reason of the denial. */
  readonly decision: string;
  /** Auth method and subject. Undefined without an identity. */
  readonly caller: string | undefined;
  /** The identity header of the caller. */
  readonly header: string | undefined;
}

export interface JudgingGateway {
  judge(sent: Sent): Promise<Judged>;
  close(): Promise<void>;
}

const UNANSWERED: Judged = { decision: 'preflight', caller: undefined, header: undefined };

/** `header`: the identity header of the file. */
export async function judgingGateway(source: ConfigSource, now: Now, header: string): Promise<JudgingGateway> {
  // The code of the host runs for each denial and for each admitted request. Loom itself answers a preflight.
  let judged = UNANSWERED;
  const gate = loom(source, {
    now,
    log: quietLog(),
    onDenied: ({ status, code, reason }, _req, res) => {
      judged = { decision: [status, code, reason].join(' '), caller: undefined, header: undefined };
      res.end();
    },
  });
  await gate.ready;
  const headerOf = ({ headers }: IncomingMessage): string | undefined => {
    const value = headers[header.toLowerCase()];
    return value === undefined ? undefined : `${header}: ${value.toString()}`;
  };
  const server = createServer((req, res) =>
    gate(req, res, () => {
      const callers = identitiesOf(req).map(({ method, subject }) => `${method} ${subject}`);
      const caller = callers.length > 0 ? callers.join(' + ') : undefined;
      judged = { decision: caller === undefined ? 'open' : 'granted', caller, header: headerOf(req) };
      res.end();
    }),
  );
  const port = await listening(server);
  const client = rawClient(port);
  return {
    judge: async (sent) => {
      judged = UNANSWERED;
      await client.send(sent);
      return judged;
    },
    close: async () => {
      client.close();
      await gate.close();
      server.closeAllConnections();
      await closed(server);
    },
  };
}

export interface RawClient {
  /** The head and the body of the answer as text, with each header as it was sent. */
  send(sent: Sent): Promise<string>;
  close(): void;
}

/** One connection, one request at a time. */
export function rawClient(port: number): RawClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const send = ({ method, path, headers }: Sent): Promise<string> =>
    new Promise((resolve, reject) => {
      const outgoing = request({ host: '127.0.0.1', port, method, path, headers, agent });
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        const { statusCode = 0, statusMessage = '', rawHeaders } = response;
        let text = `${statusCode} ${statusMessage}\n${rawHeaders.join('\n')}\n\n`;
        response.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => resolve(text));
      });
      outgoing.end();
    });
  return { send, close: () => agent.destroy() };
}

/** An answer without its date and without the random id of its denial. */
export const timeless = (answer: string): string =>
  answer.replace(/^Date\n.*$/im, 'Date').replace(/urn:uuid:[0-9a-f-]{36}/g, 'urn:uuid');
