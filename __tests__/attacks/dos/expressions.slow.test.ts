/** Regular expressions of routes that look harmless and make a backtracking matcher run for seconds on one request. */
import { compileFile } from '../../../src/config/index.js';
import { compileFits, type Fits } from '../../../src/routing/field-match.js';

function fitsOf(expression: string): Fits {
  const text = `
middleware: { auth: { api_key: { keys: [{ key: k-0123456789abcdef, name: a }] } } }
routes: [{ path: /x, headers: { X-Tenant: '${expression}' }, auth: { api_key: true } }]`;
  const [route] = compileFile({ text, file: 'loom.yaml' }, { mode: 'middleware' }).plan.routes;
  if (!route) throw new Error('no route');
  return compileFits(route);
}

/** The longest time over several lengths up to a whole header block, in milliseconds. */
function worst(fits: Fits, unit: string, end: string): number {
  const times = [...Array(256).keys(), 1_024, 16_000].map((length) => {
    const value = unit.repeat(length).slice(0, length) + end;
    const took = (): number => {
      const start = performance.now();
      fits({ 'x-tenant': value }, undefined);
      return performance.now() - start;
    };
    const first = took();
    // Another process may have had the processor in between.
    return first < 100 ? first : Math.min(first, took(), took());
  });
  return Math.max(...times);
}

test.each([
  ['^[a-z]+-?[a-z]+-?[a-z]+-?[a-z]+$', 'a', '!'],
  ['^[a-z]+-?[a-z]+-?[a-z]+$', 'a', '!'],
  ['^.*a.*a.*a.*b$', 'a', ''],
  ['^.*admin.*users.*x$', 'adminusers', ''],
  ['^\\w+\\s*\\w+\\s*\\w+\\s*\\w+;$', 'a', ''],
  ['^(a|b)*(b|a)*c$', 'ab', ''],
  ['^[ab]*[bc]*[ab]*c$', 'b', ''],
  ['^a?a?a?a?a?a?a?a?a?a?a?a?aaaaaaaaaaaa$', 'a', '!'],
  [`^${'.*x'.repeat(9)}$`, 'x', '!'],
  [`^${'[a-z]*'.repeat(9)}$`, 'a', '!'],
  [`^${'a?'.repeat(60)}${'a'.repeat(60)}$`, 'a', '!'],
  [`^${'(a|ab)(c|bcd)'.repeat(9)}$`, 'abcd', '!'],
  ['^.*\\ba.{0,150}b$', 'a x', '!'],
])('%s costs little, whatever a client sends', (expression, unit, end) => {
  let fits: Fits;
  try {
    fits = fitsOf(expression);
  } catch (error) {
    // A refusal at load is accepted too.
    return expect(String((error as Error).message)).toMatch(/headers/);
  }
  expect(worst(fits, unit, end)).toBeLessThan(250);
});

test.each(['^a{1,900}$', '^(?:a{20}b{20}){20}$'])('%s is refused at load', (expression) => {
  expect(() => fitsOf(expression)).toThrow(/repeats too much|repeated group/);
});

test.each([
  ['^v\\d+\\.\\d+\\.\\d+\\.\\d+\\.\\d+$', `v${'1'.repeat(240)}.2.3.4.5`],
  ['^[^@]+@[^@]+$', `${'a'.repeat(200)}@example.com`],
  ['^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$', '0b8ac246-22ac-41f2-b620-0b8ac2462246'],
  ['^(?:red|green|blue|black|white|grey|pink)$', 'grey'],
  ['^tenant-.*$', `tenant-${'x'.repeat(240)}`],
  ['^.*-prod$', `${'x'.repeat(240)}-prod`],
  ['^[a-z]+-?[a-z]+$', `${'a'.repeat(40)}-${'b'.repeat(40)}`],
  ['^.*admin.*users.*$', 'the admin of users here'],
  [
    '^.*Chrome.*Safari.*$',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  ],
  ['^.*a.*b.*c.*d.*e.*$', `${'x'.repeat(7_000)}abcde`],
  ['^\\p{L}+ \\u{65E5}+$', 'Zoë 日日'],
  ['^a\\.b\\[c\\]\\)[\\]x]$', 'a.b[c])]'],
])('%s still matches its intended paths', (expression, value) => {
  const fits = fitsOf(expression);
  expect(fits({ 'x-tenant': value }, undefined)).toBe(true);
});
