/** Paths that one reader takes for a public one and another for a guarded one: dots and separators, plain and encoded. */
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';

let ground: Ground;
beforeAll(async () => (ground = await openGround()));
afterAll(closeGrounds);

const status = async (target: string, ...lines: string[]): Promise<number> =>
  statusOf(await ground.send(get(target, ...lines)));

describe('PATH-02 encoded dot segments', () => {
  test.each(['%2e%2e', '%2E%2e', '.%2e', '%2e.', '%2e', '..', '.'])('/public/%s/internal is refused', async (dots) => {
    expect(await status(`/public/${dots}/internal/secret`)).toBe(400);
    expect(ground.arrived()).toEqual([]);
  });

  test.each(['..a', 'a..', '%2ea', '...a', 'v1.2%2e3'])('twin: /public/%s passes as it was sent', async (segment) => {
    expect(await status(`/public/${segment}`)).toBe(200);
    expect(ground.arrived().map(({ target }) => target)).toEqual([`/public/${segment}`]);
  });
});
