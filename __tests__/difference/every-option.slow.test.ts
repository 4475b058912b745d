/** Each option of a full file with another value: if the plan is another one, the list of differences is not empty. */
import { ConfigError } from '../../src/config/diagnostics.js';
import type { Plan } from '../../src/config/plan-types.js';
import { planDifference } from '../../src/difference/differences.js';
import { canonical } from '../../src/difference/tree.js';
import { documentMutantsAt, pathsOf, type Json } from '../config/mutants/document-mutants.js';
import { Folder } from './full-file.js';

let folder: Folder;
beforeAll(async () => {
  folder = await Folder.open();
});
afterAll(() => folder.remove());

/** Other values of the kind of a value. */
function othersOf(value: unknown): readonly Json[] {
  if (typeof value === 'number') return [value + 1];
  if (typeof value === 'boolean') return [!value];
  if (typeof value !== 'string') return [];
  return /^\d+(?:ms|[smh])$/.test(value) ? ['7s'] : ['other', `${value}x`, 'X-Other', '10.9.0.0/16'];
}

/** Names without an effect, and the priority of a route beside which no other has the path. */
const NEUTRAL = [/^routes\.7\.priority$/, /^routes\.\d+\.id$/, /^middleware\.auth\.api_key\.enabled$/];

function planOf(config: object): Plan | undefined {
  try {
    return folder.plan(config);
  } catch (cause) {
    if (cause instanceof ConfigError) return undefined;
    throw cause;
  }
}

/** Without what only describes the file: positions of warnings, and paths of files whose content is compared. */
function meaningOf(plan: Plan): string {
  const { listeners, methods, routes } = plan;
  const rest = { ...plan, warnings: [], listeners: [], methods: [], routes: [] };
  const files = listeners.map(({ tls, ...more }) => [
    more,
    tls && { ...tls, certFile: '', files: [...(tls.files?.values() ?? [])] },
  ]);
  const named = routes.map((route) => ({ ...route, id: '' }));
  return canonical([rest, files, methods.map((each) => [each, each.options]), named]);
}

test('whatever option changes the plan, a difference says so', () => {
  const file = folder.full() as Json & object;
  const base = planOf(file) as Plan;
  const meaning = meaningOf(base);
  const silent: string[] = [];
  let changed = 0;
  for (const path of pathsOf(file)) {
    if (NEUTRAL.some((each) => each.test(path.join('.')))) continue;
    const deleted = [...documentMutantsAt(file, path, 'core')].filter(({ slip }) => slip === 'deleted');
    const others = othersOf(path.reduce<unknown>((node, step) => (node as Record<string, unknown>)[step], file));
    const replaced = others.map((value) => ({
      slip: JSON.stringify(value),
      text: JSON.stringify(withValue(file, path, value)),
    }));
    for (const { slip, text } of [...deleted, ...replaced]) {
      const plan = planOf(JSON.parse(text) as object);
      if (!plan || meaningOf(plan) === meaning) continue;
      changed += 1;
      const { differences } = planDifference({ plan: base, standalone: true }, { plan, standalone: true });
      if (differences.length === 0) silent.push(`${path.join('.')}: ${slip}`);
    }
  }
  process.stdout.write(`options of a full file with another value: ${changed} other plans\n`);
  expect(silent).toEqual([]);
  expect(changed).toBeGreaterThan(100);
}, 600_000);

function withValue(node: Json, [step, ...rest]: readonly (string | number)[], value: Json): Json {
  if (step === undefined) return value;
  if (Array.isArray(node))
    return (node as Json[]).map((each, at) => (at === step ? withValue(each, rest, value) : each));
  const children = node as Readonly<Record<string, Json>>;
  return { ...children, [step]: withValue(children[step] as Json, rest, value) };
}
