/** `logging.denied.sample`: the first lines of each reason in a second, then their count. */
import { createServer } from 'node:http';
import { loom } from '../../src/loom.js';
import { SampledLog } from '../../src/observe/sampled-log.js';
import { ask } from '../support/ask.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';
import { until } from '../support/until.js';

async function denials(logging: string, send: (port: number) => Promise<unknown>) {
  const log = quietLog();
  const text = `
middleware: { auth: { api_key: { keys: [{ key: sk_of_the_sample_01, name: app }] } } }
routes: [{ id: keys, path: /*, auth: { api_key: true } }]
${logging}`;
  const gate = loom({ text, file: 'loom.yaml' }, { log });
  const server = createServer((req, res) => gate(req, res, () => res.end()));
  const port = await listening(server);
  await send(port);
  const count = (reason: string) =>
    log.entries.filter(({ words, facts }) => words === 'denied' && facts['reason'] === reason).length;
  const omitted = () => log.entries.filter(({ facts }) => facts['event'] === 'omitted').map(({ facts }) => facts);
  const close = async () => (server.closeAllConnections(), await closed(server), gate.close());
  return { count, omitted, close };
}

const flood = async (port: number): Promise<void> => {
  await Promise.all(Array.from({ length: 30 }, () => ask({ port })));
  await ask({ port, headers: { 'X-API-Key': 'unknown' } });
};

test('a flood of one reason writes few lines and its count, and hides no other reason', async () => {
  const { count, omitted, close } = await denials('logging: { denied: { sample: 2 } }', flood);
  const total = (): number =>
    omitted().reduce((sum, each) => sum + Number(each['omitted']), count('credential_missing'));
  await until(() => total() === 30);
  // A slow machine takes more than one second.
  expect(count('credential_missing')).toBeLessThan(30);
  expect(count('credential_invalid')).toBe(1);
  expect(omitted()[0]).toMatchObject({ reason: 'credential_missing', written: 2 });
  await close();
});

test('twin: without the option, each denial has its line', async () => {
  const { count, omitted, close } = await denials('', flood);
  expect([count('credential_missing'), count('credential_invalid'), omitted()]).toEqual([30, 1, []]);
  await close();
});

test('lines about operators and failures are never left out', () => {
  const log = quietLog();
  const sampled = new SampledLog(log, () => 1);
  for (const words of ['audit', 'failed', 'access']) {
    for (let at = 0; at < 5; at++) sampled.info({ event: words }, words);
  }
  sampled.warn({}, 'denied');
  sampled.error({}, 'denied');
  expect(log.entries).toHaveLength(17);
});
