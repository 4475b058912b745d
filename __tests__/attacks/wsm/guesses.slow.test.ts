/** Guessing a plugin's credential: how many guesses it receives, and which clients the limit affects. */
import { CONTINUE, i32, type Kit } from '../../support/wat-plugin.js';
import type { Ground } from '../../support/attack-ground.js';
import { closePlugins, openPlugins, outcomeOf } from './plugin-ground.js';

const TIMES = 'timeout: 1s, pause_timeout: 1500ms';

/** Accepts every value that begins with `g`. */
const build = (kit: Kit) => ({
  onRequest: `${kit.on('g', `${kit.set('X-Authenticated-User', 'alice')} (return ${CONTINUE})`)} ${kit.respond(401)} ${i32(1)}`,
});

let ground: Ground;
beforeAll(async () => {
  ground = await openPlugins(
    {
      named: { build, options: `${TIMES}, throttle: {}, credential_headers: [X-Do]`, isolation: 'inline' },
      loose: { build, options: `${TIMES}, throttle: {}`, isolation: 'inline' },
    },
    {
      routes: '\n  - { id: either, path: "/either/*", upstream: backend, auth: { methods: [named-inline, jwt] } }',
      top: '\ntrusted_proxies: ["127.0.0.1/32"]',
    },
  );
});
afterAll(closePlugins);

const from = (address: string): string => `X-Forwarded-For: ${address}`;
const status = async (target: string, ...lines: string[]): Promise<number> =>
  (await outcomeOf(ground, target, ...lines)).status;

/** How many of the requests reached the plugin. */
async function shown(count: number, ask: (at: number) => Promise<number>): Promise<number> {
  let found = 0;
  for (let at = 0; at < count; at++) if ((await ask(at)) === 401) found++;
  return found;
}

test('over the budget a right guess is refused from an address that its owner never used', async () => {
  const [home, evil] = [from('203.0.113.9'), from('198.51.100.6')];
  expect(await status('/named-inline/x', home, 'X-Do: good')).toBe(200);
  expect(await shown(30, (at) => status('/named-inline/x', evil, `X-Do: bad-${at}`))).toBe(20);
  expect(await status('/named-inline/x', evil, 'X-Do: good')).toBe(429);
  // Twin: the owner's address, with guesses from a neighbour.
  await shown(30, (at) => status('/named-inline/x', home, `X-Do: bad-${at}`));
  expect(await status('/named-inline/x', home, 'X-Do: good')).toBe(200);
});

test('an accepted credential with a cookie makes no other guess with that cookie free', async () => {
  const evil = from('198.51.100.7');
  for (let at = 0; at < 60; at++)
    expect(await status('/loose-inline/x', evil, `Cookie: n=${at}`, 'X-Do: good')).toBe(200);
  const found = await shown(60, (at) => status('/loose-inline/x', evil, `Cookie: n=${at}`, `X-Do: bad-${at}`));
  expect(found).toBe(20);
});

test('a request without a credential for the plugin uses no budget, and gets the answer of the other method', async () => {
  const home = from('192.0.2.77');
  const token = `Authorization: Bearer ${await ground.issuer.token()}`;
  for (let at = 0; at < 40; at++) expect(await status('/either/x', home, token)).toBe(200);
  expect(await status('/either/x', home)).toBe(401);
  expect(await status('/either/x', home, 'Authorization: Bearer over')).toBe(401);
  expect(await status('/either/x', home, 'X-Do: good')).toBe(200);
});
