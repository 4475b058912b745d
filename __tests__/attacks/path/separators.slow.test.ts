/** Parameters, fragments and queries in a path: parts that an upstream drops and a matcher keeps, or the reverse. */
import { closeGrounds, openGround, type Ground } from '../../support/attack-ground.js';
import { bearerLine, TABLES, tried } from '../../support/trying.js';

describe.each(TABLES)('%s:', (_name, options) => {
  let ground: Ground;
  beforeAll(async () => (ground = await openGround(options)));
  afterAll(closeGrounds);

  describe('PATH-05 path parameters', () => {
    test.each([
      '/public/..;/internal/secret',
      '/public/..;x=1/internal/secret',
      '/public;x/../internal',
      '/internal;a=b/secret',
      '/internal;/secret',
      ';/internal',
      '/;/internal',
      '/;x=y/internal/secret',
      '/internal%3b/secret',
      '/internal%3Ba=b/secret',
      '/INTERNAL;/secret',
      '/exact;v=1/../x',
      '/exact%3b',
      '/public/..%3b/internal',
      '/public/..%EF%BC%9B/internal',
    ])('%s is refused', async (path) => {
      expect(await tried(ground, path)).toEqual([400]);
    });

    // Compatible with `;`: the full-width one, and the Greek question mark.
    test.each(['/internal%EF%BC%9Ba=b/secret', '/internal%CD%BE/secret', '/INTERNAL%CD%BEx'])(
      '%s reaches no open route',
      async (path) => {
        expect(await tried(ground, path)).toEqual([404]);
      },
    );

    test.each(['/public/a,b=c', '/public/a?b;c', '/public/a%EF%BC%9Bb', '/public/a;v=1', '/public/a%3Bv=1/b;'])(
      'twin: %s passes',
      async (path) => {
        expect(await tried(ground, path)).toEqual([200, path]);
      },
    );
  });

  describe('PATH-10 fragments', () => {
    test.each([
      '/public#/../internal/secret',
      '/internal#/public/x',
      '/public/x#',
      '/public/x?a#b',
      '/public/x%23/../../internal',
      '/internal%23/public/x',
      '/exact%23',
      '#/internal',
      '/public/..%EF%BC%83/internal',
    ])('%s is refused', async (path) => {
      expect(await tried(ground, path)).toEqual([400]);
    });

    test('a full-width # reaches no open route', async () => {
      expect(await tried(ground, '/internal%EF%BC%83/public')).toEqual([404]);
    });

    test.each(['/public/x?a=%23b', '/public/C%23', '/public/C%23/x'])('twin: %s passes', async (path) => {
      expect(await tried(ground, path)).toEqual([200, path]);
    });
  });

  describe('PATH-12 queries', () => {
    test.each([
      '/internal?x=1',
      '/exact?x=1',
      '/exact?',
      '/exact/?x',
      '/internal??',
      '/exact?/../public/x',
      '/internal?/public/',
    ])('%s is routed by its path', async (path) => {
      expect(await tried(ground, path)).toEqual([401]);
    });

    test.each(['/internal%3fx=1', '/exact%3fx=1', '/exact%3F', '/public/x%3f/../internal'])(
      '%s is refused',
      async (path) => {
        expect(await tried(ground, path)).toEqual([400]);
      },
    );

    test.each(['/exact%EF%BC%9Fx=1', '/internal%EF%BC%9F'])('%s reaches no open route', async (path) => {
      expect(await tried(ground, path)).toEqual([404]);
    });

    test('twin: an encoded ? in a name passes', async () => {
      expect(await tried(ground, '/public/who%3F.pdf')).toEqual([200, '/public/who%3F.pdf']);
    });

    test.each(['/exact?x=1', '/internal?x=/public&y=%3f', '/internal/who%3F.pdf', '/internal/a;v=1'])(
      'twin: %s passes with a token, byte for byte',
      async (path) => {
        expect(await tried(ground, path, await bearerLine(ground))).toEqual([200, path]);
      },
    );
  });
});
