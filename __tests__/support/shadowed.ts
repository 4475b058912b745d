/** A host application with a live file and a shadow file, and the report of the shadow file. */
import { createServer } from 'node:http';
import type { ConfigSource } from '../../src/config/source.js';
import { loom, type Loom, type LoomOptions } from '../../src/loom.js';
import type { ShadowReport } from '../../src/runtime/shadow/report.js';
import { ask, type Answer, type Question } from './ask.js';
import { quietLog, type Entry } from './quiet-log.js';
import { closed, listening } from './recording-upstream.js';
import { until } from './until.js';

export interface Shadowed {
  readonly gate: Loom;
  readonly port: number;
  readonly entries: readonly Entry[];
  readonly send: (question?: Omit<Question, 'port'>) => Promise<Answer>;
  /** The report, after this many requests were compared, left out or dropped. */
  readonly after: (requests: number) => Promise<ShadowReport>;
  close(): Promise<void>;
}

export async function shadowed(
  live: ConfigSource,
  shadow: ConfigSource | undefined,
  options: Omit<LoomOptions, 'log' | 'shadow'> = {},
): Promise<Shadowed> {
  const log = quietLog();
  const gate = loom(live, { ...options, log, ...(shadow !== undefined && { shadow }) });
  await gate.ready;
  const server = createServer((req, res) => gate(req, res, () => res.end('served')));
  gate.attach(server);
  const port = await listening(server);
  return {
    gate,
    port,
    entries: log.entries,
    send: (question = {}) => ask({ port, ...question }),
    after: async (requests) => {
      await until(
        () => totalOf(gate.shadow()) >= requests,
        () => JSON.stringify(gate.shadow()),
      );
      return gate.shadow();
    },
    close: async () => {
      await gate.close();
      server.closeAllConnections();
      await closed(server);
    },
  };
}

const totalOf = ({ requests }: ShadowReport): number =>
  requests.same + requests.different + requests.not_evaluated + requests.dropped;
