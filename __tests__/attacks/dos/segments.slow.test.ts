/**
 * Paths of many segments. Each segment is a step of matching in every reading of the path, so their number is bounded.
 */
import { errorsOf } from '../../config/files.js';
import { BOTH, type Gateway } from '../../support/both-hosts.js';
import { echoUpstream, type Echo } from '../../support/recording-upstream.js';
import { readTarget } from '../../../src/http/target.js';

const fileFor = (upstream: number, top = ''): string => `
middleware: { auth: { api_key: { keys: [{ key: k-0123456789abcdef, name: a }] } } }
routes:
  - { id: guarded, path: "/a/*", upstream: backend, auth: { api_key: true } }
  - { id: open, path: "/*", upstream: backend, auth: none, allow_encoded_slash: true, overlap: true }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream}"] }]
${top}`;

const path = (segments: number, each = '/b'): string => each.repeat(segments);

describe.each(BOTH)('DOS-14 many segments, $name', ({ start }) => {
  let gateway: Gateway;
  let backend: Echo;

  const open = async (top?: string): Promise<void> => {
    backend = await echoUpstream();
    gateway = await start(fileFor(backend.port, top));
  };
  afterEach(async () => {
    await gateway.close();
    await backend.close();
  });

  const statusOf = async (target: string, method = 'GET'): Promise<number> =>
    (await gateway.ask(target, { method })).status;

  test('257 are 400, in any place and in any spelling of the last one', async () => {
    await open();
    for (const target of [
      path(257),
      `${path(257)}/`,
      `${path(257)}?x=1`,
      path(7_000),
      path(257, '/B'),
      path(257, '/%62'),
      `/a${path(256)}`,
      `${path(200)}${'%2f'.repeat(1)}b${path(56)}`,
      `/b${'%2fb'.repeat(256)}`,
      `/b${'%EF%BC%8Fb'.repeat(256)}`,
    ]) {
      expect([target.slice(0, 30), await statusOf(target)]).toEqual([target.slice(0, 30), 400]);
    }
    expect(await statusOf(path(257), 'OPTIONS')).toBe(400);
    expect(backend.requests).toEqual([]);
  });

  test('twin: 256 pass, and slashes in a query do not count', async () => {
    await open();
    for (const target of [
      path(256),
      `${path(256)}/`,
      '/',
      path(256, '/B'),
      `/b?x=${path(2_000)}`,
      `/b${'%2fb'.repeat(255)}`,
    ]) {
      expect([target.slice(0, 30), await statusOf(target)]).toEqual([target.slice(0, 30), 200]);
    }
    expect(await statusOf(`/a${path(255)}`)).toBe(401);
    expect(backend.requests).toHaveLength(6);
  });

  test('twin: the file may allow more, or fewer', async () => {
    await open('max_path_segments: 300');
    expect(await statusOf(path(300))).toBe(200);
    expect(await statusOf(path(301))).toBe(400);
  });
});

describe('max_path_segments in a file', () => {
  const block = (body: string): string => `
middleware: { auth: { api_key: { keys: [{ key: k-0123456789abcdef, name: a }] } } }
${body}`;
  const routeOf = (segments: number): string => `routes: [{ path: "${path(segments)}", auth: { api_key: true } }]`;

  test.each(['0', '-1', '8193', '1.5', 'many', '"256"', 'null', '[256]'])('%s does not load', (value) => {
    expect(errorsOf(block(`${routeOf(1)}\nmax_path_segments: ${value}`)).map((each) => each.path)).toEqual([
      'max_path_segments',
    ]);
  });

  test('a pattern that no request can match is an error that names the option', () => {
    expect(errorsOf(block(routeOf(257)))).toMatchObject([
      { path: 'routes[0].path', message: expect.stringContaining('raise max_path_segments') as string },
    ]);
    const exempt = `rate_limit: { rate: 1, exemptions: [{ type: path, values: ["${path(257)}"] }] }`;
    expect(errorsOf(block(`${routeOf(1)}\n${exempt}`))).toMatchObject([
      { path: expect.stringContaining('exemptions') as string },
    ]);
  });

  test('twin: one of 256 loads, and a longer one if the option allows it', () => {
    expect(errorsOf(block(routeOf(256)))).toEqual([]);
    expect(errorsOf(block(`${routeOf(257)}\nmax_path_segments: 257`))).toEqual([]);
  });
});

test('counting stops at the bound: a longer path costs no more', () => {
  expect(readTarget(path(100_000), { maxSegments: 256 })).toEqual({ kind: 'bad', reason: 'too_many_segments' });
  expect(readTarget(path(256), { maxSegments: 256 })).toMatchObject({ kind: 'target' });
});
