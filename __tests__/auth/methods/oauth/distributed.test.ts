/** Two instances share one Redis: both use the answers of the issuer, and no value in Redis can grant access. */
import { oauth } from '../../../../src/auth/methods/oauth/oauth.js';
import { RedisServer, wireTo, type Wire } from '../../../support/redis-server.js';
import { atWork, serveMethod, type MethodAtWork, type MethodServer } from '../../../support/method-server.js';
import { until } from '../../../support/until.js';
import { askedServer, json, type AskedServer } from '../../../tokens/introspection-server.js';

const SECRET = 'a secret that all instances share, of more than 32 bytes';
const opened: (() => Promise<unknown>)[] = [];
let redis: RedisServer;
let wire: Wire;
let issuer: AskedServer;
beforeAll(async () => {
  redis = await RedisServer.start();
  wire = await wireTo(redis.port);
});
beforeEach(async () => {
  issuer = await askedServer(json({ active: true, sub: 'ada', scope: 'read' }));
  await redis.ask('FLUSHALL');
});
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
  await issuer.close();
});
afterAll(async () => {
  await wire.close();
  await redis.close();
});

interface Instance {
  readonly words: string[];
  readonly server: MethodServer;
  readonly work: MethodAtWork;
  ask(token: string): Promise<string>;
}

async function instance(more: object = {}, shared: object = {}): Promise<Instance> {
  const words: string[] = [];
  const tell = (_facts: object, said: string): void => void words.push(said);
  const distributed = { type: 'redis', address: `127.0.0.1:${wire.port}`, secret: SECRET, ...shared };
  const block = { introspection_url: issuer.origin, client_id: 'c', client_secret: 's', distributed, ...more };
  const work = atWork(oauth, block, { log: { info: tell, warn: tell, error: tell } });
  await work.strategy.ready;
  const server = await serveMethod(work);
  opened.push(
    () => work.strategy.close(),
    () => server.close(),
  );
  await until(() => words.includes('shared introspection cache in use'));
  const ask = async (token: string): Promise<string> => {
    const verdict = await server.ask([`Authorization: Bearer ${token}`]);
    return verdict.kind === 'granted' ? `granted ${verdict.identities[0]?.subject ?? ''}` : verdict.kind;
  };
  return { words, server, work, ask };
}

/** Returns the names of the answers once there are `count`. A request does not wait until its answer is written. */
async function names(count: number): Promise<string[]> {
  let found: string[] = [];
  for (const end = Date.now() + 20_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 10))) {
    found = (await redis.ask('KEYS *')).match(/loom:oauth:\{[\w-]{43}\}(?=\r\n)/g) ?? [];
    if (found.length >= count) break;
  }
  return found;
}

test('the issuer is asked once for all instances, about a yes and about a no', async () => {
  const [one, two] = [await instance(), await instance()];
  expect(await one.ask('opaque')).toBe('granted ada');
  await names(1);
  expect(await two.ask('opaque')).toBe('granted ada');
  issuer.answer = json({ active: false });
  expect(await two.ask('revoked')).toBe('rejected');
  await names(2);
  expect(await one.ask('revoked')).toBe('rejected');
  expect(issuer.asked).toHaveLength(2);
});

test('each instance judges for itself, and another client’s answers are not its own', async () => {
  const one = await instance();
  expect(await one.ask('opaque')).toBe('granted ada');
  await names(1);
  expect(await (await instance({ required_scopes: ['write'] })).ask('opaque')).toBe('rejected');
  expect(issuer.asked).toHaveLength(1);
  await (await instance({ client_id: 'other' })).ask('opaque');
  await (await instance({}, { secret: `${SECRET}.` })).ask('opaque');
  expect(issuer.asked).toHaveLength(3);
});

test('Redis holds no token and no user name, and entries expire', async () => {
  await (await instance({ cache_ttl: '5m' })).ask('opaque-of-ada');
  const [name = ''] = await names(1);
  const held = `${name} ${await redis.ask(`GET ${name}`)}`;
  expect(held).toMatch(/[\w-]{40,}/);
  expect(held + Buffer.from(held.split('\r\n')[1] ?? '', 'base64url').toString('latin1')).not.toMatch(
    /opaque|ada|active/,
  );
  expect(Number(/\d+/.exec(await redis.ask(`PTTL ${name}`))?.[0])).toBeLessThanOrEqual(300_000);
});

test('a writer of Redis cannot grant access: forged, moved and broken values count as missing', async () => {
  const [one, two] = [await instance(), await instance()];
  await one.ask('good');
  const [good = ''] = await names(1);
  issuer.answer = json({ active: false });
  await one.ask('bad');
  const bad = (await names(2)).find((name) => name !== good) ?? '';
  const values = [
    (await redis.ask(`GET ${good}`)).split('\r\n')[1] ?? '',
    '{"answer":{"kind":"active","response":{"active":true,"sub":"root"}},"until":9999999999999}',
    'AAAA',
  ];
  for (const [at, value] of values.entries()) {
    const asked = issuer.asked.length;
    await redis.ask(`SET ${bad} '${value}'`);
    const fresh = at === 0 ? two : await instance();
    expect(await fresh.ask('bad')).toBe('rejected');
    expect(issuer.asked).toHaveLength(asked + 1);
  }
});

test('a value of another type is as good as none', async () => {
  await (await instance()).ask('opaque');
  const [name = ''] = await names(1);
  await redis.ask(`DEL ${name}`);
  await redis.ask(`LPUSH ${name} a`);
  expect(await (await instance()).ask('opaque')).toBe('granted ada');
  expect(issuer.asked).toHaveLength(2);
});

describe('while Redis does not answer', () => {
  afterEach(() => (wire.delayMs = 0));

  const FAULTS: readonly (readonly [what: string, begin: () => unknown, end: () => unknown])[] = [
    ['hung', () => (wire.delayMs = Infinity), () => (wire.delayMs = 0)],
    ['slow', () => (wire.delayMs = 5_000), () => (wire.delayMs = 0)],
    ['frozen', () => redis.signal('SIGSTOP'), () => redis.signal('SIGCONT')],
    ['killed', () => redis.kill(), () => redis.start()],
  ];

  test.each(FAULTS)(
    '%s: the issuer is asked, soon without delay, and a warning is logged; later Redis is used again',
    async (_what, begin, end) => {
      const one = await instance();
      await begin();
      const times: number[] = [];
      for (let at = 0; at < 20; at++) {
        const start = performance.now();
        expect(await one.ask(`opaque-${at}`)).toBe('granted ada');
        times.push(performance.now() - start);
      }
      expect(issuer.asked).toHaveLength(20);
      times.sort((a, b) => a - b);
      // Most come while it is known to be down; those before wait for a command's deadline of 40 ms.
      expect(times[10]).toBeLessThan(250);
      await until(() => one.words.some((words) => words.includes('not in use')));
      await end();
      await until(() => one.words.filter((words) => words.endsWith('cache in use')).length > 1);
      await redis.ask('FLUSHALL');
      await one.ask('after');
      await names(1);
      expect(await (await instance()).ask('after')).toBe('granted ada');
      expect(issuer.asked).toHaveLength(21);
    },
  );
});

describe('the block', () => {
  const fault = (distributed: object): string => {
    const block = { introspection_url: 'https://id.example', client_id: 'c', client_secret: 's', distributed };
    return (
      oauth.options
        .safeParse(block)
        .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
        .join() ?? ''
    );
  };

  test.each([
    [{ type: 'redis', secret: SECRET }, 'distributed.address: is required'],
    [{ type: 'redis', address: 'r:6379' }, 'distributed.secret'],
    [{ type: 'redis', address: 'r:6379', secret: 'short' }, 'distributed.secret: must have at least 32 bytes'],
    [{ type: 'redis', address: 'redis://u:p@r', secret: SECRET }, 'distributed.address: must be "host:port"'],
    [{ type: 'redis', addresses: ['a:1', 'b:1'], secret: SECRET }, 'distributed.addresses: must be one for redis'],
    [{ type: 'redis', address: 'r:1', addresses: ['r:1'], secret: SECRET }, 'distributed.addresses: stands beside'],
    [{ type: 'redis', address: 'r:1', ca_file: 'ca.pem', secret: SECRET }, 'distributed.ca_file: means nothing'],
    [{ type: 'redis-cluster', addresses: ['a:1'], db: 1, secret: SECRET }, 'distributed.db: must be 0'],
  ])('%j is refused', (block, words) => expect(fault(block)).toContain(words));

  test('twin: one that is whole is taken', () => {
    expect(
      fault({ type: 'redis-cluster', addresses: ['rediss://a', 'rediss://b'], ca_file: 'ca.pem', secret: SECRET }),
    ).toBe('');
  });
});
