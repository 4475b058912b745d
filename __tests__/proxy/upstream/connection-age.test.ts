/** `pool.max_lifetime`: when connections to an endpoint close although there is traffic, and what it never cuts. */
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { closeUpstreamGrounds, moody, upstreamGround } from '../../support/upstream-ground.js';
import { until } from '../../support/until.js';

afterEach(closeUpstreamGrounds);

const AGE = { maxLifetimeMs: 50 };

/** The endpoint closes no idle connection itself. */
function keepsIdle({ socket }: IncomingMessage): void {
  (socket as Socket & { readonly server: Server }).server.keepAliveTimeout = 0;
}

test('under traffic without a pause, connections are replaced, and every request is answered', async () => {
  const endpoint = await moody();
  const ground = await upstreamGround([endpoint], { plan: AGE });
  while (endpoint.connections < 3) expect((await ground.get()).status).toBe(200);
  expect(endpoint.open).toBeLessThanOrEqual(2);
});

test('twin: without an age, one connection carries them all', async () => {
  const endpoint = await moody();
  const ground = await upstreamGround([endpoint], { plan: {} });
  for (let at = 0; at < 50; at++) await ground.get();
  expect(endpoint.connections).toBe(1);
});

test('requests that wait for the only connection do not keep it', async () => {
  const endpoint = await moody();
  const ground = await upstreamGround([endpoint], { plan: { ...AGE, maxOpen: 1 } });
  const statuses: number[] = [];
  const load = Array.from({ length: 4 }, async () => {
    while (endpoint.connections < 3) statuses.push((await ground.get('/', { method: 'POST', body: 'x' })).status);
  });
  await Promise.all(load);
  expect(new Set(statuses)).toEqual(new Set([200]));
});

test('an idle connection closes at its age', async () => {
  const endpoint = await moody((req, res) => {
    keepsIdle(req);
    res.end();
  });
  const ground = await upstreamGround([endpoint], { plan: AGE });
  await ground.get();
  await until(() => endpoint.open === 0);
});

test('a response that takes longer than the age is whole, and the connection then closes', async () => {
  const endpoint = await moody();
  let end = (): void => undefined;
  endpoint.mood = (req, res) => {
    keepsIdle(req);
    res.write('first ');
    end = () => res.end('last');
  };
  const ground = await upstreamGround([endpoint], { plan: AGE });
  const answer = ground.get();
  // Another connection has reached its age meanwhile.
  const other = await moody((req, res) => {
    keepsIdle(req);
    res.end();
  });
  const aside = await upstreamGround([other], { plan: AGE });
  await aside.get();
  await until(() => other.open === 0);
  expect(endpoint.open).toBe(1);
  end();
  expect((await answer).body).toBe('first last');
  await until(() => endpoint.open === 0);
});
