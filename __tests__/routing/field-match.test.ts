import type { FieldMatch } from '../../src/config/plan-types.js';
import { compileFits } from '../../src/routing/field-match.js';
import { getWith, judging, type Judge } from '../support/judge.js';

let node: Judge;

beforeAll(async () => {
  node = await judging();
});

afterAll(() => node.close());

const fits = (headers: readonly FieldMatch[], ...lines: readonly string[]) =>
  node.ask(getWith(...lines), (req) => compileFits({ headers, query: [] })(req.headers, undefined));

it('asks nothing where there is no condition', async () => {
  expect(await fits([])).toBe(true);
});

it('asks for every condition, of headers in any case', async () => {
  const both: readonly FieldMatch[] = [
    { name: 'X-Version', kind: 'regex', value: '^v[0-9]{1,3}$' },
    { name: 'x-mode', kind: 'exact', value: 'Fast' },
  ];
  expect(await fits(both, 'X-VERSION: v12', 'X-Mode: Fast')).toBe(true);
  expect(await fits(both, 'X-VERSION: v12')).toBe(false);
  expect(await fits(both, 'X-VERSION: xv12', 'X-Mode: Fast')).toBe(false);
  expect(await fits(both, 'X-VERSION: v1234', 'X-Mode: Fast')).toBe(false);
  expect(await fits(both, 'X-VERSION: v12', 'X-Mode: fast')).toBe(false);
  expect(await fits(both, 'X-VERSION: v12', 'X-Mode: Fast', 'X-Mode: Fast')).toBe(false);
});

it('takes an empty value as present and an inherited name as absent', async () => {
  expect(await fits([{ name: 'X-A', kind: 'present', value: '*' }], 'X-A:')).toBe(true);
  expect(await fits([{ name: 'constructor', kind: 'present', value: '*' }])).toBe(false);
  expect(await fits([{ name: 'constructor', kind: 'present', value: '*' }], 'Constructor: x')).toBe(true);
});

it('reads the query as forms write it', () => {
  const query: readonly FieldMatch[] = [{ name: 'a b', kind: 'exact', value: 'c&d' }];
  const ask = compileFits({ headers: [], query });
  expect(ask({}, 'a+b=c%26d')).toBe(true);
  expect(ask({}, 'x=1&a%20b=c%26d')).toBe(true);
  expect(ask({}, 'a+b=c&d')).toBe(false);
  expect(ask({}, undefined)).toBe(false);
});

it('tries an expression on the whole value, whatever its length', async () => {
  const chrome: readonly FieldMatch[] = [{ name: 'User-Agent', kind: 'regex', value: '^.*Chrome.*Safari.*$' }];
  const agent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36';
  expect(await fits(chrome, `User-Agent: ${agent}`)).toBe(true);
  expect(await fits(chrome, `User-Agent: ${agent} ${'x'.repeat(4_000)}`)).toBe(true);
  expect(await fits(chrome, 'User-Agent: curl/8.5.0')).toBe(false);
  const ask = compileFits({ headers: [], query: [{ name: 'q', kind: 'regex', value: '^.*a.*b$' }] });
  expect(ask({}, `q=${'x'.repeat(4_000)}a%20b`)).toBe(true);
  expect(ask({}, `q=${'x'.repeat(4_000)}a%20c`)).toBe(false);
});
