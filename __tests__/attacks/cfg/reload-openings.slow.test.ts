/**
 * Files that would open what another has guarded, in ways that two routes alone do not show: depth, order, rare
 * methods, spelling.
 */
import { createServer } from 'node:http';
import { loom } from '../../../src/loom.js';
import { ask } from '../../support/ask.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening } from '../../support/recording-upstream.js';

const KEY = 'sk_reload_openings_1';
const file = (routes: readonly string[]) => ({
  text: `
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: alice }] } } }
routes: [{ id: other, path: /other, auth: { api_key: true } }, ${routes.join(', ')}]
`,
  file: 'loom.yaml',
});
const GUARDED = 'auth: { api_key: true }';
const FEW = 'methods: [GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS]';

interface Case {
  readonly before: readonly string[];
  /** `OPEN` is replaced by the route by which the path would be public. */
  readonly after: readonly string[];
  /** The route that gives consent, if the one that matches the path is a catch-all. */
  readonly consent?: string;
  readonly method?: string;
  readonly path: string;
}

const cases: Readonly<Record<string, Case>> = {
  'a depth at which no other pattern begins or ends': {
    before: [
      `{ path: /a, ${GUARDED} }`,
      `{ path: "/a/:x/:y/*", ${GUARDED} }`,
      `{ path: "/a/*", ${GUARDED} }`,
      '{ path: "/*" }',
    ],
    after: [`{ path: /a, ${GUARDED} }`, `{ path: "/a/:x/:y/*", ${GUARDED} }`, '{ path: "/*"OPEN }'],
    consent: '{ path: "/a/*", auth: none }',
    path: '/a/b',
  },
  'two routes of one pattern that change places': {
    before: [`{ path: /a, methods: [GET, POST], ${GUARDED} }`, '{ path: /a, methods: [GET, PUT] }'],
    after: ['{ path: /a, methods: [GET, PUT]OPEN }', `{ path: /a, methods: [GET, POST], ${GUARDED} }`],
    path: '/a',
  },
  'a rare method': {
    before: [`{ path: /a, ${GUARDED} }`],
    after: [`{ path: /a, ${FEW}, ${GUARDED} }`, '{ path: /aOPEN }'],
    method: 'PROPFIND',
    path: '/a',
  },
  'a literal that is an ordinary word': {
    before: [`{ path: "/\uff41ny", ${GUARDED} }`, `{ path: "/:x", ${GUARDED} }`],
    after: [`{ path: "/\uff41ny", ${GUARDED} }`, '{ path: "/:x"OPEN }'],
    path: '/some',
  },
};

describe.each(Object.entries(cases))('%s', (_name, { before, after, consent, method = 'GET', path }) => {
  const edited = (open: string, ...more: readonly string[]) =>
    file([...after.map((route) => route.replace('OPEN', open)), ...more]);

  async function host() {
    const gate = loom(file(before), { log: quietLog() });
    const server = createServer((req, res) => gate(req, res, () => res.end('in')));
    const port = await listening(server);
    return {
      gate,
      knock: async () => (await ask({ port, method, path })).status,
      close: async () => {
        await closed(server);
        await gate.close();
      },
    };
  }

  test('keeps the old routes if the file does not say so', async () => {
    const { gate, knock, close } = await host();
    try {
      expect(await knock()).toBe(401);
      await expect(gate.reload(edited(''))).rejects.toThrow(/would be PUBLIC/);
      expect(await knock()).toBe(401);
    } finally {
      await close();
    }
  });

  test('twin: opens if it says so', async () => {
    const { gate, knock, close } = await host();
    try {
      await gate.reload(edited(', auth: none', ...(consent === undefined ? [] : [consent])));
      expect(await knock()).toBe(200);
    } finally {
      await close();
    }
  });
});
