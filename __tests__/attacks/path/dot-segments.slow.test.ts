/** Paths that are public for one reader and guarded for another: dots and separators, plain and encoded. */
import { closeGrounds, openGround, type Ground } from '../../support/attack-ground.js';
import { TABLES, tried } from '../../support/trying.js';

describe.each(TABLES)('%s:', (_name, options) => {
  let ground: Ground;
  beforeAll(async () => (ground = await openGround(options)));
  afterAll(closeGrounds);

  describe('PATH-02 encoded dot segments', () => {
    test.each(['%2e%2e', '%2E%2e', '.%2e', '%2e.', '%2e', '..', '.', '..%20', '%20.%2e', '..+', '.%20.'])(
      '/public/%s/internal is refused',
      async (dots) => {
        expect(await tried(ground, `/public/${dots}/internal/secret`)).toEqual([400]);
      },
    );

    test.each(['..a', 'a..', '%2ea', '...a', 'v1.2%2e3', '...'])(
      'twin: /public/%s passes unchanged',
      async (segment) => {
        expect(await tried(ground, `/public/${segment}`)).toEqual([200, `/public/${segment}`]);
      },
    );
  });

  describe('PATH-04 escapes with digits in either case', () => {
    const spellings = (path: string): string[] =>
      [path, path.toUpperCase(), path.toLowerCase()].map((each) =>
        path.replace(/%../g, (_escape, at: number) => each.slice(at, at + 3)),
      );
    const mixed = (path: string): string =>
      path.replace(/%(.)(.)/g, (_all, a: string, b: string) => `%${a.toLowerCase()}${b.toUpperCase()}`);

    test.each([
      '/public%2finternal',
      '/public/%2e%2e%2finternal/secret',
      '/public/..%2finternal',
      '/public/a%2fb',
      '/public%5c..%5cinternal',
      '/public/a%5cb',
      '/public/%2e%2e/internal',
      '/public/%2e/internal',
      '/internal/%2f/x',
      '/public/%3b/x',
    ])('%s is refused in all of them', async (path) => {
      for (const each of new Set([...spellings(path), mixed(path)])) {
        // A path that the open catch-all allows is no bypass: the upstream has no such path below /internal.
        const isAllowed = options.routes?.includes('allow_encoded_slash') === true && /^\/public%2f/i.test(each);
        expect([each, await tried(ground, each)]).toEqual([each, isAllowed ? [200, each] : [400]]);
      }
    });

    test.each(['/internal%2fsecret', '/INTERNAL%2fsecret', '/api%2fv1'])(
      '%s never reaches a weaker route',
      async (path) => {
        for (const each of spellings(path).concat(mixed(path))) {
          const [status, ...arrived] = await tried(ground, each);
          expect([each, arrived]).toEqual([each, []]);
          expect([400, 404]).toContain(status);
        }
      },
    );

    test.each(['/public/%c3%a9', '/public/a%2db', '/public/%7ea'])('twin: %s passes in all of them', async (path) => {
      for (const each of new Set([...spellings(path), mixed(path)])) {
        expect(await tried(ground, each)).toEqual([200, each]);
      }
    });
  });

  describe('PATH-32 dots and spaces that end a name', () => {
    test.each([
      '/internal./secret',
      '/internal../secret',
      '/internal%20/secret',
      '/internal.%20/secret',
      '/.../internal',
    ])('%s does not bypass /internal', async (path) => {
      expect(await tried(ground, path)).toEqual([404]);
    });

    test('twin: they may end a name below a public path', async () => {
      expect(await tried(ground, '/public/a./b../c%20')).toEqual([200, '/public/a./b../c%20']);
    });
  });
});
