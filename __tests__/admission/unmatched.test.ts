/** Requests of a host that no route matches: the host handles the usual ones, and Loom refuses the unusual ones. */
import { createServer } from 'node:http';
import { loom } from '../../src/loom.js';
import { askBytes, statusOf } from '../support/ask.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';

const text = `
middleware: { auth: { api_key: { keys: [{ key: a-key-of-this-test, name: app }] } } }
routes: [{ id: orders, path: /orders, auth: { api_key: true } }]
`;
const log = quietLog();
const gate = loom({ text, file: 'loom.yaml' }, { log });
const handled: string[] = [];
const server = createServer((req, res) =>
  gate(req, res, () => res.end(handled.push(`${req.method} ${req.url}`) && '')),
);
let port = 0;
beforeAll(async () => (port = await listening(server)));
afterAll(async () => {
  await closed(server);
  await gate.close();
});

test.each([
  ['GET', '/other', 200],
  ['DELETE', '/other/a%20b', 200],
  ['TRACE', '/other', 405],
  ['GET', '/other%2fpath', 400],
  ['GET', '/other%2Fpath', 400],
  ['GET', '/orders%2f', 400],
])('%s %s is answered %d', async (method, path, status) => {
  handled.length = 0;
  const answer = await askBytes(port, `${method} ${path} HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n`);
  expect(statusOf(answer)).toBe(status);
  expect(handled).toEqual(status === 200 ? [`${method} ${path}`] : []);
  const { facts } = log.entries.at(-1) ?? { facts: {} };
  if (status !== 200) expect(facts).toMatchObject({ event: 'denied', status, http_method: method });
});
