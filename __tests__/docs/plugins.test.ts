/** What plugins.md says of plugins: its file, and what each host function answers. */
import { join } from 'node:path';
import { compileFile } from '../../src/config/index.js';
import { LIMITS, Status } from '../../src/wasm/abi.js';
import { methodsOf } from '../../src/auth/requirement.js';
import { wasiFunctions } from '../../src/wasm/wasi.js';
import { HOST_FUNCTIONS, openProbe, type Probe } from '../wasm/probe.js';
import { pageOf } from './pages.js';

const root = join(__dirname, '../..');
const { blocks, text: section } = pageOf('docs/plugins.md');
const [, checked = ''] = /<!-- host functions[^\n]*\n([^]*?)<!-- end of host functions -->/.exec(section) ?? [];
const [table = '', wasi = ''] = checked.split('\nOf WASI');
const quoted = (text: string): string[] => Array.from(text.matchAll(/`(\w+)`/g), ([, word = '']) => word);

const rows = Array.from(table.matchAll(/^\| (`[^|]+|any other) \| ([^|]+) \|$/gm), ([, names = '', answer = '']) => ({
  names: quoted(names).map((name) => `proxy_${name}`),
  answer,
}));

const NAMES = new Map(
  Object.entries(Status).map(([name, code]) => [name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase(), code]),
);
const statusesOf = (answer: string): number[] => quoted(answer).flatMap((word) => NAMES.get(word) ?? []);

test('its file loads, and each way to name a plugin means what the comment says', () => {
  const text = blocks.find(({ language }) => language === 'yaml')?.text ?? '';
  const file = join(root, 'examples/wasm-plugin/page.yaml');
  const { plan } = compileFile({ text, file }, { mode: 'middleware' });
  expect(plan.routes.map(({ id, requirement }) => [id, methodsOf(requirement)])).toEqual([
    ['orders', ['custom-auth']],
    ['reports', ['custom-auth']],
  ]);
});

test('every host function stands in the table once, and none besides', () => {
  expect(rows.flatMap(({ names }) => names).sort()).toEqual([...HOST_FUNCTIONS].sort());
  expect(rows.filter(({ names }) => names.length === 0)).toHaveLength(1);
});

/** Few enough to try them in many combinations: small numbers, pointers, a pointer out of memory, -1. */
const ARGUMENTS = [0, 1, 2, 3, 4, 7, 9, 16, 1_024, 100_000_000, -1];

/** What a function returns to arguments of every kind. */
function answersOf(probe: Probe, name: string): Set<number> {
  const answers = new Set<number>();
  for (let round = 0; round < 400; round += 1) {
    const args = Array.from(
      { length: 12 },
      (_, at) => ARGUMENTS[(round * (at + 1) * 7 + at * 3) % ARGUMENTS.length] ?? 0,
    );
    const big = name === 'proxy_increment_metric' || name === 'proxy_record_metric';
    answers.add(probe.call(name, ...(big ? [args[0] ?? 0, BigInt(args[1] ?? 0)] : args)));
  }
  return answers;
}

test.each(rows.filter(({ names }) => names.length > 0))('$names: $answer', async ({ names, answer }) => {
  const allowed = new Set<number>([Status.InvalidMemoryAccess, ...statusesOf(answer)]);
  if (!answer.startsWith('always')) allowed.add(Status.Ok);
  for (const name of names) {
    const body = Buffer.from('body');
    const answers = [...answersOf(await openProbe(), name), ...answersOf(await openProbe({ request: { body } }), name)];
    expect({ name, undocumented: answers.filter((each) => !allowed.has(each)) }).toEqual({
      name,
      undocumented: [],
    });
  }
});

test('what is not in the table answers as its last row says', async () => {
  const probe = await openProbe();
  expect(statusesOf(rows.at(-1)?.answer ?? '')).toEqual([probe.call('proxy_something_new', 0)]);
});

test('the bounds are those of the host', () => {
  const mib = (bytes: number): string => `${bytes / 1_048_576} MiB`;
  const many = (count: number): string => count.toLocaleString('en-US');
  const said: readonly (readonly [name: string, words: string])[] = [
    ['log', `${LIMITS.logLines} of ${LIMITS.logBytes / 1_024} KiB`],
    ['set_tick_period_milliseconds', `every ${LIMITS.tickMs} ms`],
    ['add_header_map_value', `over ${many(LIMITS.headerPairs)} fields or ${mib(LIMITS.mapBytes)}`],
    ['send_local_response', `a body of ${mib(LIMITS.responseBytes)}`],
    ['http_call', `over ${LIMITS.callsPerStream} at once of a request or ${many(LIMITS.openCalls)} in all`],
    ['set_property', `${LIMITS.properties} of ${LIMITS.propertyBytes / 1_024} KiB`],
    ['get_shared_data', `${many(LIMITS.sharedKeys)} keys, ${mib(LIMITS.sharedBytes)}`],
    ['register_shared_queue', `${LIMITS.queues} queues`],
    ['enqueue_shared_queue', `${many(LIMITS.queueItems)} items a queue and ${mib(LIMITS.queueBytes)} in all`],
    ['enqueue_shared_queue', `${mib(LIMITS.itemBytes)} an item`],
    ['get_shared_data', `${mib(LIMITS.itemBytes)} a value`],
    ['http_call', `${LIMITS.callsOfRoot} of the root context, ${mib(LIMITS.callBytes)} of bodies`],
    ['log', `${mib(LIMITS.logRate)} a second`],
    ['define_metric', `${many(LIMITS.metrics)} of them`],
  ];
  for (const [name, words] of said) {
    expect(rows.find(({ names }) => names.includes(`proxy_${name}`))?.answer).toContain(words);
  }
});

test('the functions of WASI are those that it names; the rest are a bad descriptor or not supported', () => {
  const functions = wasiFunctions({ env: {} } as never) as Readonly<Record<string, (...args: number[]) => number>>;
  const named = quoted(wasi).filter((word) => /^(?:fd|clock|random|environ|args|poll|sched|proc)_\w+[a-z]$/.test(word));
  const works = named.filter((name) => name !== 'proc_raise');
  expect(works).toHaveLength(12);
  for (const name of works) expect(functions).toHaveProperty(name);
  const rest = Object.keys(functions).filter((name) => !works.includes(name));
  const answers = rest.map((name) => [name, functions[name]?.()]);
  expect(answers).toEqual(rest.map((name) => [name, name.startsWith('fd_') ? 8 : 52]));
  expect(rest.every((name) => /^(?:fd|path|sock)_|^proc_raise$/.test(name))).toBe(true);
});
