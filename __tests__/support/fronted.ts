/** A file as a middleware in this process, in front of an upstream that echoes what it receives. */
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { identitiesOf } from '../../src/admission/identities.js';
import { loom, type Loom, type LoomOptions } from '../../src/loom.js';
import { ask, askBytes, statusOf, type Question } from './ask.js';
import { quietLog } from './quiet-log.js';
import { closed, echoUpstream, listening, type Echo, type Echoed } from './recording-upstream.js';

export interface Fronted {
  readonly gate: Loom;
  readonly port: number;
  readonly upstream: Echo;
  /** The status and who was admitted, such as `200 jwt:ada`. */
  ask(question?: Omit<Question, 'port'>): Promise<string>;
  /** The status of a GET with these raw header lines. */
  send(target: string, ...lines: readonly string[]): Promise<number>;
  /** The last request at the upstream, which is then forgotten. */
  arrived(): Echoed | undefined;
}

const opened: (() => Promise<void>)[] = [];

/** For `afterAll` or `afterEach`. */
export async function closeFronted(): Promise<void> {
  for (const close of opened.splice(0).reverse()) await close();
}

/** Starts one. `UPSTREAM` in the text is replaced by the address of the upstream. */
export async function fronted(text: string, options: LoomOptions = {}): Promise<Fronted> {
  const upstream = await echoUpstream();
  const file = { text: text.replaceAll('UPSTREAM', `127.0.0.1:${upstream.port}`), file: 'loom.yaml' };
  const gate = loom(file, { log: quietLog(), ...options });
  const closings = new EventEmitter();
  const server = createServer((req, res) => {
    res.once('close', () => closings.emit('close', who(req)));
    gate(req, res, () => res.end());
  });
  const port = await listening(server);
  opened.push(
    () => gate.close(),
    () => upstream.close(),
    () => closed(server),
  );
  return {
    gate,
    port,
    upstream,
    ask: async (question = {}) => {
      const closing = once(closings, 'close') as Promise<[string]>;
      const [{ status }, [admitted]] = await Promise.all([ask({ ...question, port }), closing]);
      return status === 200 ? `200 ${admitted}`.trim() : String(status);
    },
    send: async (target, ...lines) => {
      const head = [`GET ${target} HTTP/1.1`, 'Host: gw', 'Connection: close', ...lines, '', ''];
      return statusOf(await askBytes(port, head.join('\r\n')));
    },
    arrived: () => upstream.requests.splice(0).at(-1),
  };
}

const who = (req: IncomingMessage): string =>
  identitiesOf(req)
    .map(({ method, subject }) => `${method}:${subject}`)
    .join(' ');

/** A file whose every path goes to the upstream. */
export const frontFile = (blocks: string, auth: string, more = ''): string =>
  `middleware: { auth: { ${blocks} } }
routes: [{ id: all, path: /*, upstream: backend, auth: ${auth} }]
upstreams: [{ name: backend, endpoints: ["UPSTREAM"] }]
${more}`;
