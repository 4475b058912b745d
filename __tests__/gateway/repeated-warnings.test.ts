/** What a client can repeat does not fill the log with warnings; each refusal keeps its line at the level of information. */
import { createServer } from 'node:http';
import { loom } from '../../src/loom.js';
import { ask } from '../support/ask.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';
import { freePorts } from '../support/ports.js';

test('an upstream that is down is one warning for many requests, and one line of the failure for each', async () => {
  const [nothing = 0] = await freePorts(1);
  const log = quietLog();
  const text = `
routes: [{ id: all, path: /*, upstream: gone, auth: none }]
upstreams: [{ name: gone, endpoints: ["127.0.0.1:${nothing}"] }]
`;
  const gate = loom({ text, file: 'loom.yaml' }, { log });
  const server = createServer((req, res) => gate(req, res, () => res.end()));
  const port = await listening(server);
  for (let at = 0; at < 5; at++) expect((await ask({ port, path: '/x' })).status).toBe(502);
  const lines = (words: string): number => log.entries.filter((each) => each.words === words).length;
  expect([lines('upstream failed'), lines('failed')]).toEqual([1, 5]);
  await closed(server);
  await gate.close();
});
