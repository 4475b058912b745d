import { methods } from '../../src/auth/methods.js';
import { editorSchema, jsonSchema } from '../../src/config/json-schema.js';

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly additionalProperties?: unknown;
}

const schema = jsonSchema() as Schema;
const at = (...path: string[]): Schema | undefined =>
  path.reduce<Schema | undefined>((level, key) => (key === '[]' ? level?.items : level?.properties?.[key]), schema);

it('knows every method, closed, with its defaults', () => {
  expect(Object.keys(at('middleware', 'auth')?.properties ?? {})).toEqual(
    expect.arrayContaining([...methods.map(({ name }) => name), 'chain', 'require_any', 'on_invalid']),
  );
  expect(at('middleware', 'auth')?.additionalProperties).toBe(false);
  expect(at('middleware', 'auth', 'api_key', 'header')?.default).toBe('X-API-Key');
  expect(at('middleware', 'auth', 'jwt', 'enabled')?.default).toBe(true);
});

it('writes durations as the file does', () => {
  expect(at('routes', '[]', 'timeout')).toMatchObject({ type: 'string', default: '30s' });
});

it('knows both forms of a route that says who may pass', () => {
  const [none, block] = at('routes', '[]', 'auth')?.anyOf ?? [];
  expect(none?.const).toBe('none');
  expect(Object.keys(block?.properties ?? {})).toEqual(expect.arrayContaining(['jwt', 'require', 'methods', 'narrow']));
});

it('knows the spellings of Loom that load', () => {
  expect(at('routes', '[]', 'query_params')?.description).toBe('The same as `query`.');
  expect(at('upstreams', '[]', 'connection', 'max_per_host')).toMatchObject({ type: 'integer' });
  expect(at('rate_limit', 'store')?.properties).toHaveProperty('redis');
  expect(at('upstreams', '[]', 'load_balancer')).toMatchObject({
    enum: expect.arrayContaining(['round_robin', 'round-robin', 'least-connections']) as unknown[],
  });
  expect(at('tracing', 'sampler')?.description).toMatch(/Not built/);
});

it('describes every option of every method', () => {
  for (const { name } of methods) {
    const options = Object.entries(at('middleware', 'auth', name)?.properties ?? {});
    expect(options.length).toBeGreaterThan(1);
    expect(options.filter(([, { description }]) => !description).map(([option]) => `${name}.${option}`)).toEqual([]);
  }
});

it('lets editors accept a reference for a number and for a boolean', () => {
  const editor = editorSchema() as Schema;
  const priority = editor.properties?.['routes']?.items?.properties?.['priority'];
  expect(priority).toMatchObject({ default: 0, anyOf: [{ type: 'integer' }, { type: 'string' }] });
  const [, reference] = priority?.anyOf as unknown as readonly [object, { readonly pattern: string }];
  expect('${PRIORITY}').toMatch(new RegExp(reference.pattern));
  expect('7').not.toMatch(new RegExp(reference.pattern));
  const path = editor.properties?.['routes']?.items?.properties?.['path'];
  expect(path).toEqual(at('routes', '[]', 'path'));
});

it('is plain JSON', () => {
  expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
});
