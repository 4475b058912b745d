/** A limit of this process says nothing about the issuer: such a call neither opens nor closes the circuit. */
import { FetchJsonError, type FetchJson } from '../../src/lib/fetch-json.js';
import { Introspection } from '../../src/tokens/introspection.js';
import { Conversation } from '../support/conversation.js';
import { LimitedGateway } from '../support/limited-gateway.js';
import { until } from '../support/until.js';
import { askedServer, type Answer, type AskedServer } from './introspection-server.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Without keep-alive each introspection needs a descriptor of its own. */
const active: Answer = (_asked, response) => {
  response.writeHead(200, { 'content-type': 'application/json', connection: 'close' });
  response.end('{"active":true,"sub":"alice"}');
};

async function grounds(): Promise<{ gateway: LimitedGateway; issuer: AskedServer; ask: (token: string) => unknown }> {
  const issuer = await askedServer(active);
  const gateway = new LimitedGateway(`
    middleware:
      auth:
        oauth: { introspection_url: "${issuer.origin}/introspect", client_id: c, client_secret: s-of-the-client }
    routes: [{ path: /*, auth: { oauth: true } }]`);
  closers.push(
    () => issuer.close(),
    () => gateway.close(),
  );
  await gateway.start();
  // One connection, accepted before the descriptors are gone.
  const client = new Conversation(gateway.port);
  closers.push(() => client.close());
  const ask = async (token: string): Promise<unknown> => {
    const reply = await client.send(`GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`).reply();
    return reply?.status;
  };
  return { gateway, issuer, ask };
}

describe('a gateway without descriptors', () => {
  test('answers 503, and asks the issuer again as soon as it can', async () => {
    const { gateway, issuer, ask } = await grounds();
    expect(await ask('first')).toBe(200);
    expect(await gateway.tell('exhaust')).toEqual({ code: 'EMFILE' });
    for (let n = 0; n < 8; n++) {
      expect(await ask(`exhausted-${n}`)).toBe(503);
      // The connection of the first token may have ended since.
      await gateway.tell('exhaust');
    }
    const asked = issuer.asked.length;
    await gateway.tell('free');
    expect(await ask('again')).toBe(200);
    expect(issuer.asked.length).toBe(asked + 1);
    expect(JSON.stringify(await gateway.lines())).toContain('limit of its own (EMFILE)');
  });

  test('twin: silences of the issuer open the circuit in the same process', async () => {
    const { issuer, ask } = await grounds();
    issuer.answer = (_asked, response) => void response.destroy();
    for (let n = 0; n < 8; n++) expect(await ask(`silent-${n}`)).toBe(503);
    expect(issuer.asked).toHaveLength(5);
  });
});

describe('the circuit of an issuer', () => {
  const START = 1_800_000_000_000;
  const fault = (code: 'own_limit' | 'network') => () => Promise.reject(new FetchJsonError(code, code));
  const yes: FetchJson = () =>
    Promise.resolve({ status: 200, headers: new Headers(), body: { active: true, sub: 'a' } });

  function asking() {
    const state = { now: START, calls: 0, answer: yes };
    const introspection = new Introspection({
      ...{ url: 'https://id.example/introspect', clientId: 'c', clientSecret: 's', authMethod: 'basic' },
      ...{ timeoutMs: 5_000, allowInsecureHttp: false, cacheTtlMs: 300_000, cacheSize: 100 },
      now: () => state.now,
      report: () => undefined,
      fetchJson: (url, options) => {
        state.calls += 1;
        return state.answer(url, options);
      },
    });
    closers.push(() => introspection.close());
    let tokens = 0;
    const ask = async (): Promise<string> =>
      Promise.resolve(introspection.ask(`t${tokens++}`)).then(
        ({ kind }) => kind,
        ({ message }: Error) => message,
      );
    return { state, ask };
  }

  test('is not opened by limits of our own, and they do not interrupt a row of silences', async () => {
    const { state, ask } = asking();
    state.answer = fault('own_limit');
    for (let n = 0; n < 20; n++) expect(await ask()).toMatch(/own_limit/);
    expect(state.calls).toBe(20);
    for (const code of ['network', 'network', 'network', 'network', 'own_limit', 'network'] as const) {
      state.answer = fault(code);
      await ask();
    }
    expect(await ask()).toMatch(/not answered recently/);
  });

  test('is not closed by a limit of our own, and the next request is the probe', async () => {
    const { state, ask } = asking();
    state.answer = fault('network');
    for (let n = 0; n < 5; n++) await ask();
    state.now += 1_000;
    state.answer = fault('own_limit');
    expect(await ask()).toMatch(/own_limit/);
    state.answer = fault('network');
    expect(await ask()).toMatch(/network/);
    expect(await ask()).toMatch(/not answered recently/);
    state.now += 2_000;
    state.answer = yes;
    expect([await ask(), await ask()]).toEqual(['active', 'active']);
  });

  test('stays half open for one request at a time, however long the probe takes', async () => {
    const { state, ask } = asking();
    state.answer = fault('network');
    for (let n = 0; n < 5; n++) await ask();
    state.now += 1_000;
    let finish: () => void = () => undefined;
    state.answer = async (url, options) => {
      await new Promise<void>((resolve) => (finish = resolve));
      return yes(url, options);
    };
    const probe = ask();
    await until(() => state.calls === 6);
    state.now += 4_000;
    expect(await ask()).toMatch(/not answered recently/);
    finish();
    expect(await probe).toBe('active');
  });
});
