/** Nothing that keeps a process alive is left of clients that went away: no timer, no socket. */
import { ENGINE_BLOCK } from '../support/engine.js';
import { BOTH } from '../support/both-hosts.js';
import { eachOf } from '../support/conversation.js';
import { ENDS, leave, moodyUpstream, stepsWith } from '../support/leaver.js';
import { rawToken, tokenIssuer } from '../support/token-issuer.js';

const active = (): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

test.each(BOTH)('$name', async ({ start }) => {
  const [upstream, issuer] = await Promise.all([moodyUpstream(), tokenIssuer()]);
  const gateway = await start(`
middleware:
  auth:
    jwt: { issuer: "${issuer.origin}", audience: api.example.com, jwks_url: "${issuer.origin}/jwks" }
    api_key: { keys: [{ key: key-of-alice, name: alice }] }
routes:
  - { path: /public/*, upstream: far, auth: none }
  - { path: /internal/*, upstream: far, auth: { jwt: true } }
  - { path: /api/v1/*, upstream: far, auth: { api_key: true } }
upstreams: [{ name: far, endpoints: ["127.0.0.1:${upstream.port}"], pool: { max_idle: 4 } }]
${ENGINE_BLOCK}
`);
  const unknown = rawToken({ alg: 'RS256', kid: 'nobody' }, { iss: issuer.origin, sub: 'x' }, 'a'.repeat(342));
  const steps = stepsWith({ KEY: 'key-of-alice', TOKEN: await issuer.token(), UNKNOWN: unknown });
  const all = steps.flatMap((step) => ENDS.flatMap((how) => [0, 10].map((afterMs) => ({ step, how, afterMs }))));
  const before = active();
  await eachOf([...all.entries()], 20, ([id, leaving]) => leave(gateway.port, { ...leaving, id }));
  const settled = (): boolean => {
    const { Timeout: timers = 0, TCPSocketWrap: sockets = 0 } = active();
    // Both ends of a kept connection are in this process; the key set's own may idle a while.
    return timers <= (before['Timeout'] ?? 0) + 1 && sockets <= (before['TCPSocketWrap'] ?? 0) + 2 * 4;
  };
  for (let tries = 0; tries < 300 && !settled(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 100));
  expect([settled(), active()]).toEqual([true, expect.anything()]);
  expect(upstream.connections()).toBeLessThanOrEqual(4);
  await gateway.close();
  await Promise.all([upstream.close(), issuer.close()]);
});
