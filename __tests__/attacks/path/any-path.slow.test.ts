/** Properties of every path: the matched path is authorised and sent, and no upstream reads it as a guarded path. */
import fc from 'fast-check';
import { cases } from '../../support/fast-check-runs.js';
import { confusing, randomBytes } from '../../support/path-pieces.js';
import { forwarding, guardOf, PLACES, WORLDS, type Sent, type World } from '../../support/path-worlds.js';
import { inOrder, READINGS, STEP_NAMES, type Step } from '../../support/upstream-readings.js';

const worlds = WORLDS.map((world) => ({ world, forward: forwarding(world) }));
const readings = Object.entries(READINGS);

/** The upstream that reads the path as one with another guard. */
function whoFinds(world: World, sent: Sent, steps: readonly Step[]): string | undefined {
  const [path = ''] = sent.url.split('?', 1);
  const guarded = (found: string): boolean => !['open', sent.demand].includes(guardOf(world, found));
  return (
    readings.find(([, read]) => guarded(read(path)))?.[0] ??
    (guarded(inOrder('decode', ...steps)(path)) ? `decode ${steps.join(' ')}` : undefined)
  );
}

/** The matched bytes, with the prefix changes of the file. */
function isSentAsMatched({ route, matched, url }: Sent, target: string): boolean {
  const asked = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?]*/i, '').replace(/^(?!\/)/, '/');
  if (!asked.startsWith(matched) || !/^$|^\?/.test(asked.slice(matched.length))) return false;
  const path = url.slice(0, url.length - (asked.length - matched.length));
  if (!route.stripPrefix) return path === matched;
  const added = route.addPrefix ?? '';
  return path.startsWith(added) && matched.endsWith(path.slice(added.length));
}

const steps = fc.array(fc.constantFrom(...STEP_NAMES), { maxLength: 6 });
const hosts = [...new Set(WORLDS.flatMap((world) => world.hosts ?? ['gw']))];

const holdsFor = (targets: fc.Arbitrary<string>) =>
  fc.property(targets, fc.constantFrom(...hosts), steps, fc.nat(worlds.length - 1), (target, host, order, at) => {
    const { world, forward } = worlds[at] as (typeof worlds)[number];
    const sent = forward(target, host);
    if (!sent) return;
    if (!isSentAsMatched(sent, target)) throw new Error(`${world.name}: sent as ${sent.url}`);
    const who = whoFinds(world, sent, order);
    if (who !== undefined) throw new Error(`${world.name}: ${sent.url} is guarded for ${who}`);
  });

describe('PATH-21 PATH-40 the matched path is the authorised path and the sent path, for every upstream', () => {
  test('for targets of random bytes', () => {
    fc.assert(holdsFor(randomBytes(['/public/', '/internal/', '/internal', '/api/v1/', '/public/../'])), cases(5_000));
  });

  test('for targets of characters that confuse readers of paths', () => {
    fc.assert(holdsFor(confusing(PLACES)), cases(20_000));
  });

  test('twin: honest paths below every route are sent, so that the properties are meaningful', () => {
    const honest = fc.array(
      fc.constantFrom('a%20b', '@me', '~x', 'a+b', 'caf%C3%A9', '%E6%97%A5', 'v1.2', 'X', '(c),d', 'e=f', '100%25'),
      { maxLength: 4 },
    );
    const places = fc.constantFrom(
      ...worlds.flatMap(({ world, forward }) =>
        ['/public', '/internal/docs', '/api/v1', '/a/docs', '/x'].flatMap((prefix) =>
          hosts.flatMap((host) => (forward(prefix, host) ? [{ world, forward, prefix, host }] : [])),
        ),
      ),
    );
    fc.assert(
      fc.property(places, honest, ({ forward, prefix, host }, segments) => {
        const target = [prefix, ...segments].join('/');
        const sent = forward(target, host);
        return sent?.matched === target && isSentAsMatched(sent, target);
      }),
      cases(2_000),
    );
  });
});
