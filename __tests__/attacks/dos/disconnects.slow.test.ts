/**
 * Clients that leave at every step, thousands of them: the process keeps no socket, no connection and no memory of
 * them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { ADMIN_BASIC, KEY, closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { statusOf } from '../../support/ask.js';
import { eachOf } from '../../support/conversation.js';
import { seeded } from '../../support/crowd.js';
import { ENDS, leave, moodyUpstream, stepsWith, type MoodyUpstream, type Step } from '../../support/leaver.js';
import { rawToken } from '../../support/token-issuer.js';

/** Set another number with `DISCONNECTS=100000 npx jest disconnects --testTimeout=3600000`. */
const DISCONNECTS = Number(process.env.DISCONNECTS ?? 3_000);
const ROUNDS = 3;
const AT_ONCE = 100;
const SEED = Number(process.env.DISCONNECTS_SEED ?? 20_262);
const IDLE = 10;

const random = seeded(SEED);
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let ground: Ground;
let upstream: MoodyUpstream;
let steps: readonly Step[];
beforeAll(async () => {
  upstream = await moodyUpstream();
  const far = `{ name: far, endpoints: ["127.0.0.1:${upstream.port}"], pool: { max_idle: ${IDLE} } }`;
  const route = (path: string, auth: string): string => `  - { path: ${path}/*, upstream: far, auth: ${auth} }`;
  ground = await openGround({
    replaceRoutes: true,
    routes: [
      '',
      route('/public', 'none'),
      route('/internal', '{ jwt: true }'),
      route('/api/v1', '{ api_key: true }'),
      route('/ops', '{ basic: true }'),
      route('/oauth', '{ oauth: true }'),
    ].join('\n'),
    upstreams: `  - ${far}`,
  });
  const answer = ground.introspection.answer;
  ground.introspection.answer = (...question) => void setTimeout(() => void answer(...question), 30 * random());
  const made = { kid: 'nobody', alg: 'RS256', typ: 'JWT' };
  steps = stepsWith({
    KEY,
    TOKEN: await ground.issuer.token(),
    UNKNOWN: rawToken(made, { iss: ground.issuer.origin, sub: 'x' }, 'a'.repeat(342)),
  });
});
afterAll(async () => {
  await closeGrounds();
  await upstream.close();
});

const descriptors = (): number => readdirSync(`/proc/${ground.pid}/fd`).length;
const resident = (): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${ground.pid}/status`, 'utf8'))?.[1]) / 1_024);

/** Each step was used once. What remains then remains for good. */
async function warm(): Promise<number> {
  const fields = [...Object.entries(ADMIN_BASIC), ['Authorization', 'Bearer opaque'] as const];
  for (const [at, [name, value]] of fields.entries())
    expect(statusOf(await ground.send(get(at === 0 ? '/ops/x' : '/oauth/x', `${name}: ${value}`)))).toBe(200);
  return descriptors() - upstream.connections();
}

const left = new Map<string, number>();
async function round(count: number, from: number): Promise<void> {
  const ids = Array.from({ length: count }, (_, at) => from + at);
  await eachOf(ids, AT_ONCE, async (id) => {
    const step = pick(steps);
    left.set(step.name, (left.get(step.name) ?? 0) + 1);
    await leave(ground.port, { step, id, how: pick(ENDS), afterMs: random() < 0.3 ? 0 : random() * 40 });
  });
}

/** What is left after all clients have gone: only the kept connections to the upstream. */
async function settled(baseline: number): Promise<{ descriptors: number; upstream: number }> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (descriptors() <= baseline + upstream.connections() && upstream.connections() <= IDLE) break;
    await wait(100);
  }
  return { descriptors: descriptors() - upstream.connections(), upstream: upstream.connections() };
}

describe('clients that leave', () => {
  test(`${DISCONNECTS} at every step: no error, and no socket, upstream connection or memory remains`, async () => {
    const baseline = await warm();
    const memory: number[] = [];
    for (let at = 0; at < ROUNDS; at += 1) {
      await round(Math.ceil(DISCONNECTS / ROUNDS), at * DISCONNECTS);
      const after = await settled(baseline);
      expect(after.upstream).toBeLessThanOrEqual(IDLE);
      expect(after.descriptors).toBeLessThanOrEqual(baseline);
      memory.push(resident());
    }
    if (process.env.DISCONNECTS)
      console.log(
        `seed ${SEED}, resident MB ${memory.join(' ')}, baseline ${baseline} descriptors, ${upstream.accepted()} upstream connections`,
        Object.fromEntries(left),
      );
    expect(left.size).toBe(steps.length);
    expect(
      ground
        .output()
        .split('\n')
        .filter((line) => /"level":[56]0|unhandled|ExceededWarning/i.test(line)),
    ).toEqual([]);
    expect(statusOf(await ground.send(get('/public/x')))).toBe(200);
  });
});
