/** What is logged once about the set-up of a host: the order of its middleware, its proxies, and the cure. */
import { createRequire } from 'node:module';
import { createServer, type RequestListener } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import corsPackage from 'cors';
import express5 from 'express';
import { loom, type Loom, type LoomOptions } from '../../src/loom.js';
import { ask, type Question } from '../support/ask.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';

const express4 = createRequire(__filename)('express4') as typeof express5;
const KEY = { 'X-API-Key': 'key-of-alice-1234' };
const AUTH = 'api_key: { keys: [{ key: key-of-alice-1234, name: alice }] }';
const LIMIT = 'rate_limit: { rate: 1000, burst: 1000 }';
const file = (more = '', auth = AUTH): string => `middleware: { auth: { ${auth}, chain: [api_key] } }\n${more}`;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

interface Opened {
  readonly send: (question?: Partial<Question>) => Promise<number>;
  /** The warnings about the set-up, without those about the file. */
  readonly warnings: () => { readonly words: string; readonly facts: object }[];
}

async function open(text: string, build: (gate: Loom) => RequestListener, options: LoomOptions = {}): Promise<Opened> {
  const log = quietLog();
  const gate = loom({ text }, { log, ...options });
  const before = log.entries.length;
  const server = createServer(build(gate));
  const port = await listening(server);
  closing.push(
    () => closed(server, []),
    () => gate.close(),
  );
  return {
    send: async (question) => (await ask({ port, ...question })).status,
    warnings: () => log.entries.slice(before).filter(({ level }) => level === 'warn'),
  };
}

const plain =
  (gate: Loom): RequestListener =>
  (req, res) =>
    gate(req, res, () => res.end());
const wordsOf = ({ warnings }: Opened): string[] => warnings().map(({ words }) => words);

describe('an address that a proxy forwards', () => {
  const FORWARDED: readonly OutgoingHttpHeaders[] = [
    { 'X-Forwarded-For': '203.0.113.9' },
    { Forwarded: 'for=203.0.113.9' },
  ];
  const USES: readonly (readonly [string, string])[] = [
    ['rate_limit', file(LIMIT)],
    ['rate_limit', file('routes: [{ path: /a, rate_limit: { rate: 9, burst: 9 } }]')],
    ['allowed_ips', file('', AUTH.replace('name: alice', 'name: alice, allowed_ips: ["127.0.0.0/8"]'))],
    [
      'throttle',
      file(
        '',
        `${AUTH}, basic: { users: [{ username: ada, password_hash: "$2b$10$4CuUbtpVRbM38wzDxpd2a.eMRHDEI0v6dbk.b4YiVmabz5y27gwA." }] }`,
      ),
    ],
  ];

  describe.each(FORWARDED)('%j', (headers) => {
    test.each(USES)('of an untrusted peer is one warning where the file has %s', async (use, text) => {
      const opened = await open(text, plain);
      for (let i = 0; i < 3; i += 1) expect(await opened.send({ headers: { ...headers, ...KEY } })).toBe(200);
      const [name] = Object.keys(headers);
      expect(opened.warnings()).toEqual([
        {
          level: 'warn',
          facts: { header: name, peer: '127.0.0.1', use },
          words: expect.stringMatching(/if the peer is your proxy, add it to trusted_proxies/) as string,
        },
      ]);
      expect(JSON.stringify(opened.warnings())).not.toContain('203.0.113.9');
    });

    test('is no warning where no option depends on the address', async () => {
      const opened = await open(file(), plain);
      await opened.send({ headers });
      expect(wordsOf(opened)).toEqual([]);
    });
  });

  test('is no warning from a trusted proxy, and Forwarded alone is one', async () => {
    const opened = await open(file(`${LIMIT}\ntrusted_proxies: ["127.0.0.1"]`), plain);
    await opened.send({ headers: { ...FORWARDED[0], ...FORWARDED[1] } });
    expect(wordsOf(opened)).toEqual([]);
    await opened.send({ headers: FORWARDED[1] as OutgoingHttpHeaders });
    await opened.send({ headers: FORWARDED[1] as OutgoingHttpHeaders });
    expect(wordsOf(opened)).toEqual([expect.stringMatching(/let the proxy send X-Forwarded-For/)]);
  });

  test('a request without such a header is no warning', async () => {
    const opened = await open(file(LIMIT), plain);
    await opened.send({ headers: KEY });
    expect(wordsOf(opened)).toEqual([]);
  });
});

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('%s', (_name, express) => {
  const app = (build: (app: express5.Express) => void): RequestListener => {
    const made = express();
    build(made);
    made.use((_req, res) => void res.end());
    return made;
  };

  test.each([true, 1, 'loopback', () => true])(
    'trust proxy = %p without trusted_proxies is one warning',
    async (value) => {
      const opened = await open(file(), (gate) =>
        app((made) => {
          made.set('trust proxy', value);
          made.use(gate);
        }),
      );
      await opened.send();
      await opened.send({ headers: KEY });
      expect(wordsOf(opened)).toEqual([expect.stringMatching(/add the addresses of the proxy to trusted_proxies/)]);
    },
  );

  test('trust proxy beside trusted_proxies, and no trust proxy, are no warning', async () => {
    const trusting = await open(file('trusted_proxies: ["127.0.0.1"]'), (gate) =>
      app((made) => {
        made.enable('trust proxy');
        made.use(gate);
      }),
    );
    const usual = await open(file(), (gate) => app((made) => void made.use(gate)));
    for (const opened of [trusting, usual]) {
      await opened.send();
      expect(wordsOf(opened)).toEqual([]);
    }
  });

  const PREFLIGHT = {
    method: 'OPTIONS',
    headers: { Origin: 'https://app.example', 'Access-Control-Request-Method': 'GET' },
  };

  test('cors() behind Loom is one warning at a refused preflight', async () => {
    const opened = await open(file(), (gate) => app((made) => void made.use(gate, corsPackage())));
    expect(await opened.send(PREFLIGHT)).toBe(401);
    await opened.send(PREFLIGHT);
    expect(wordsOf(opened)).toEqual([
      expect.stringMatching(/add a cors block to the file, or mount cors\(\) before Loom/),
    ]);
  });

  test('cors() before Loom, and a cors block, are no warning', async () => {
    const before = await open(file(), (gate) => app((made) => void made.use(corsPackage(), gate)));
    const block = await open(file('cors: { allowed_origins: ["https://app.example"] }'), (gate) =>
      app((made) => void made.use(gate)),
    );
    for (const opened of [before, block]) {
      expect(await opened.send(PREFLIGHT)).toBe(204);
      expect(wordsOf(opened)).toEqual([]);
    }
  });

  const POST = {
    method: 'POST',
    body: '{"password":"right"}',
    headers: { 'Content-Type': 'application/json', 'Content-Length': '20' },
  };

  test('a body parser before Loom is one warning', async () => {
    const opened = await open(file(), (gate) => app((made) => void made.use(express.json(), gate)));
    expect(await opened.send(POST)).toBe(401);
    expect(await opened.send({ ...POST, headers: { ...POST.headers, ...KEY } })).toBe(200);
    expect(wordsOf(opened)).toEqual([expect.stringMatching(/mount Loom before the body parser/)]);
  });

  test('a body parser behind Loom is no warning', async () => {
    const opened = await open(file(), (gate) => app((made) => void made.use(gate, express.json())));
    expect(await opened.send(POST)).toBe(401);
    expect(await opened.send({ ...POST, headers: { ...POST.headers, ...KEY } })).toBe(200);
    expect(wordsOf(opened)).toEqual([]);
  });

  test('a body parser behind Loom is one warning if a strategy of the host needs req.body', async () => {
    const strategy = {
      authenticate(this: { success(user: object): void; fail(): void }, req: { body?: { password?: string } }) {
        if (req.body?.password === 'right') this.success({ id: 'ada' });
        else this.fail();
      },
    };
    const text = 'middleware: { auth: { chain: [local] } }';
    const options = { strategies: { local: strategy } };
    const behind = await open(text, (gate) => app((made) => void made.use(gate, express.json())), options);
    expect([await behind.send(POST), await behind.send(POST)]).toEqual([401, 401]);
    expect(wordsOf(behind)).toEqual([
      expect.stringMatching(/if your strategy reads req\.body, mount the body parser before/),
    ]);
    const before = await open(text, (gate) => app((made) => void made.use(express.json(), gate)), options);
    expect(await before.send(POST)).toBe(200);
    expect(wordsOf(before)).toEqual([]);
  });
});
