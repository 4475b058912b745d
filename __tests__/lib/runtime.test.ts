/** The warnings about flags of Node: each is true. */
import { inspectRuntime } from '../../src/lib/runtime.js';

const warningsOf = (...execArgv: string[]): readonly string[] =>
  inspectRuntime({ version: process.version, env: {}, execArgv }).warnings;

/** What `node --test` passes to the process of a test file, in Node 24. */
const UNDER_NODE_TEST = [
  '--test-coverage-functions=0',
  '--test-concurrency=0',
  '--inspect-publish-uid=stderr,http',
  '--inspect-port=127.0.0.1:9229',
  '--stack-trace-limit=10',
  '--report-signal=SIGUSR2',
  '--test-isolation=process',
  '--heap-prof-interval=524288',
  '--trace-event-file-pattern=node_trace.${rotation}.log',
  '--secure-heap-min=2',
  '--node-snapshot',
  '--heapsnapshot-near-heap-limit=0',
  '--heapsnapshot-signal=',
  '--tls-keylog=',
];

test('the default values that node --test passes are no warning', () => {
  expect(warningsOf(...UNDER_NODE_TEST)).toEqual([]);
});

test.each([
  ['--heapsnapshot-near-heap-limit=1', /writes the environment/],
  ['--heapsnapshot-near-heap-limit', /writes the environment/],
  ['--heapsnapshot_signal=SIGUSR2', /writes the environment/],
  ['--report-on-signal', /writes the environment/],
  ['--inspect', /debugger/],
  // Port 0 is any free port.
  ['--inspect=0', /debugger/],
  ['--tls-keylog=/tmp/keys', /TLS session keys/],
  ['--require=./x.js', /loads code/],
])('%s is a warning', (flag, words) => {
  expect(warningsOf(...UNDER_NODE_TEST, flag)).toEqual([expect.stringMatching(words)]);
});

test('the file that Vitest loads is no warning, and another one is', () => {
  const execArgv = ['--require', '/app/node_modules/vitest/suppress-warnings.cjs', '--conditions', 'node'];
  const inspected = (env: Record<string, string>) =>
    inspectRuntime({ version: process.version, env, execArgv }).warnings;
  expect(inspected({ VITEST: 'true' })).toEqual([]);
  expect(inspected({})).toEqual([expect.stringMatching(/loads code/)]);
});
