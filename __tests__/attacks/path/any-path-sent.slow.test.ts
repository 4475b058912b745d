/** The properties of every path over real sockets: each path arrives as it was sent, and no guarded one does. */
import fc from 'fast-check';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { cases } from '../../support/fast-check-runs.js';
import { confusing, randomBytes } from '../../support/path-pieces.js';
import { READINGS } from '../../support/upstream-readings.js';
import { tried, WIDE } from '../../support/trying.js';

let ground: Ground;
beforeAll(async () => (ground = await openGround(WIDE)));
afterAll(closeGrounds);

const PLACES = [
  'internal',
  'internal/secret',
  'internal/docs',
  'public/x',
  'public/internal',
  'exact',
  'api/v1/x',
  'x',
];
const GUARDED = /^\/(?:internal(?!\/docs(?:\/|$))|api\/v1|exact|ops|oauth|any|all)(?:\/|$)/;

/** Bytes that do not end the request line. */
const target = fc
  .oneof({ arbitrary: confusing(PLACES), weight: 3 }, randomBytes(['/public/', '/internal/', '/internal', '/exact']))
  .filter((each) => !/[\r\n ]/.test(each));

describe('PATH-21 PATH-29 any target, sent to a running gateway', () => {
  test('arrives byte for byte at an open route, or not at all', async () => {
    const property = fc.asyncProperty(target, async (each) => {
      const status = statusOf(await ground.send(get(each)));
      const arrived = ground.arrived().map((message) => message.target);
      expect(arrived).toEqual(status === 200 ? [each] : []);
      expect([200, 400, 401, 404]).toContain(status);
      const [path = ''] = each.split('?', 1);
      if (status === 200) {
        // `/exact` and similar routes match no path below them.
        const found = Object.values(READINGS).map((read) => read(path));
        expect(found.filter((read) => GUARDED.test(read) && !/^\/exact\/./.test(read))).toEqual([]);
      }
    });
    await fc.assert(property, cases(400, { cost: 100 }));
  });

  test('twin: an honest one arrives', async () => {
    expect(await tried(ground, '/x/a%20b?c=d')).toEqual([200, '/x/a%20b?c=d']);
  });
});
