/**
 * A corpus of path confusion, modelled on the lists of bypass-url-parser. The payloads are generated here: every gadget
 * between two paths alone, doubled, and with the usual ones, in both directions.
 */
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { statusOf } from '../../support/ask.js';
import { GADGETS } from '../../support/path-pieces.js';
import { READINGS } from '../../support/upstream-readings.js';
import { tried, WIDE } from '../../support/trying.js';

const USUAL = ['/', '/../', '/..;/', '%2f', '%2e%2e/', '/%2e%2e/', '..', '.', ';', '%20', '%5c', '/%20/'];

const MIDDLES: readonly string[] = [
  ...new Set(
    GADGETS.flatMap((gadget) => [
      gadget,
      gadget + gadget,
      ...USUAL.flatMap((usual) => [gadget + usual, usual + gadget]),
    ]),
  ),
];

/** With /internal after a public path, and with a public path after /internal. */
const DIRECTIONS = [
  (middle: string): string => `/public${middle}internal/secret`,
  (middle: string): string => `/internal${middle}public/x`,
  (middle: string): string => `/internal${middle}docs/../secret`,
];

/** The five of the row and the others that are known. */
const readings = Object.entries(READINGS);
const isGuarded = (path: string): boolean => /^\/internal(?:\/|$)(?!docs(?:\/|$))|^\/exact\/?$/.test(path);

/** The upstream that reads a guarded path in a request without a credential. */
function whoFinds(target: string): string | undefined {
  const [path = ''] = target.split('?', 1);
  return readings.find(([, read]) => isGuarded(read(path)))?.[0];
}

async function corpus(
  ground: Ground,
  payloads: readonly string[],
): Promise<{ statuses: Set<number>; passed: number; wrong: string[] }> {
  const statuses = new Set<number>();
  let passed = 0;
  for (let at = 0; at < payloads.length; at += 16) {
    const answers = await Promise.all(payloads.slice(at, at + 16).map((payload) => ground.send(get(payload))));
    for (const answer of answers) {
      statuses.add(statusOf(answer));
      if (statusOf(answer) === 200) passed += 1;
    }
  }
  const arrived = ground.arrived().map(({ target }) => target);
  const wrong = arrived.flatMap((target) => {
    const who = whoFinds(target);
    return who === undefined && payloads.includes(target)
      ? []
      : [`${target} for ${who ?? 'none: it was not sent unchanged'}`];
  });
  return { statuses, passed: passed - arrived.length, wrong };
}

/** A line end in a target starts another request. */
const isOneLine = (payload: string): boolean => !/[\r\n]/.test(payload);

describe.each([
  ['PATH-39', 'routes beside each other', {}],
  ['PATH-39 PATH-40', 'a broader open route to the same upstream', WIDE],
] as const)('%s payloads between two paths, with %s', (_ids, _table, options) => {
  let ground: Ground;
  beforeAll(async () => (ground = await openGround(options)));
  afterAll(closeGrounds);

  test.each([0, 1, 2])('reach no guarded path, in any reading of an upstream (direction %d)', async (direction) => {
    const every = MIDDLES.filter(isOneLine);
    expect(every.length).toBeGreaterThan(1_500);
    // All gadgets alone and doubled, and a third of the combinations in each configuration.
    const chosen = every.filter((middle, at) => at % 3 === direction || GADGETS.includes(middle));
    expect(chosen.length).toBeGreaterThan(500);
    const { statuses, passed, wrong } = await corpus(
      ground,
      chosen.map(DIRECTIONS[direction] as (middle: string) => string),
    );
    expect(wrong).toEqual([]);
    expect(passed).toBe(0);
    for (const status of statuses) expect([200, 400, 401, 404]).toContain(status);
  });

  test('twin: honest paths between the same two arrive', async () => {
    for (const middle of ['/', '/a/', '-', '/x%20y/', '/caf%C3%A9/', '/@/', '/v1.2/']) {
      const path = `/public${middle}internal/secret`;
      const isOther = middle === '-';
      const expected = isOther && options !== WIDE ? [404] : [200, path];
      expect(await tried(ground, path)).toEqual(expected);
    }
  });
});

describe('PATH-39 the readings themselves', () => {
  test.each([
    ['/public/../internal/x'],
    ['/public/%2e%2e/internal/x'],
    ['/public/..;/internal/x'],
    ['/public/..%2finternal'],
    ['/public%5c..%5cinternal'],
    ['/public/%252e%252e/internal'],
    ['//internal//x'],
    ['/INTERNAL'],
    ['/internal%EF%BC%9Fx'],
    ['/internal./x'],
  ])('find a guarded path in %s', (path) => {
    expect(whoFinds(path)).toBeDefined();
  });

  test.each(['/public/internal', '/internals', '/public/%20/internal', '/internal/docs/x', '/x/INTERNAL'])(
    'twin: find none in %s',
    (path) => {
      expect(whoFinds(path)).toBeUndefined();
    },
  );
});
