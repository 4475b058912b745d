/** Other spellings of a guarded path: case, width, control bytes, invalid encodings, and endings. */
import { valuesOf } from '../../support/messages.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { bearerLine, TABLES, tried } from '../../support/trying.js';

describe.each(TABLES)('%s:', (_name, options) => {
  let ground: Ground;
  beforeAll(async () => (ground = await openGround(options)));
  afterAll(closeGrounds);

  describe('PATH-15 case', () => {
    test.each([
      '/INTERNAL/secret',
      '/Internal',
      '/%49NTERNAL/secret',
      '/%49nternal/secret',
      '/inter%4eal/x',
      '/EXACT',
      '/Api/v1/x',
      '/api/V1',
      '/INTERNAL/docs./x',
      '/INTERNAL/do%C2%ADcs/x',
    ])('%s does not bypass the guarded route', async (path) => {
      expect(await tried(ground, path)).toEqual([404]);
    });

    test('/Internal/.. is refused', async () => {
      expect(await tried(ground, '/Internal/..')).toEqual([400]);
    });

    test('twin: the case of later segments is passed on', async () => {
      expect(await tried(ground, '/public/INTERNAL/Secret')).toEqual([200, '/public/INTERNAL/Secret']);
      expect(await tried(ground, '/internal/SECRET', await bearerLine(ground))).toEqual([200, '/internal/SECRET']);
      expect(await tried(ground, '/%69nternal/x', await bearerLine(ground))).toEqual([200, '/%69nternal/x']);
    });
  });

  describe('PATH-30 control bytes and invalid encodings', () => {
    test.each([
      '/internal\x7f',
      '/public/\x00',
      '/public/x\x01',
      '/public/a\tb',
      '/public/x\x85',
      '/public/\xe9',
      '/public/\xc3\xa9',
      '/public/x%00/../internal',
      '/public/x%00',
      '/public%00/x',
      '/internal%00.png',
      '/public/%0d%0aX-User-ID:admin',
      '/public/%0aX',
      '/public/%0D',
      '/public/%09',
      '/public/%7f',
      '/public/%c2%85',
      '/public/%c0%af../internal',
      '/public/%c0%ae%c0%ae/internal',
      '/public/%e0%80%af',
      '/public/%f0%80%80%af',
      '/public/%ed%a0%80',
      '/public/%fe',
      '/public/%e9',
      '/public/%u002e%u002e/internal',
      '/public/%252e%252e/internal',
      '/public/%25%32%65',
      '/public/%25u002e',
      '/public/%EF%BC%852e',
      '/public/%',
      '/public/%2',
      '/public/%zz',
    ])('%j is refused', async (path) => {
      expect(await tried(ground, path)).toEqual([400]);
    });

    test('a target with a line end in it sets no header', async () => {
      for (const end of ['\r\n', '\n', '\r']) {
        const bytes = get(`/public/x${end}X-User-ID: admin${end}`);
        expect(await ground.send(bytes)).toMatch(/^HTTP\/1\.1 400 /);
        expect(ground.arrived()).toEqual([]);
      }
    });

    test('twin: UTF-8 in escapes passes, and sets no header either', async () => {
      await ground.send(get('/public/%C3%A9%20%F0%9F%91%8B/100%25'));
      const [message] = ground.arrived();
      expect(message?.target).toBe('/public/%C3%A9%20%F0%9F%91%8B/100%25');
      expect(message && valuesOf(message, 'x-user-id')).toEqual([]);
    });
  });

  describe('PATH-31 compatible characters', () => {
    test.each([
      '/public/%EF%BC%8E%EF%BC%8E/internal',
      '/public/%E2%80%A5/internal',
      '/public/%E2%80%A4%E2%80%A4/internal',
      '/INTERNAL/%E2%80%A5/public',
      '/public/%EF%BC%8E./internal',
      '/public/.%E2%80%8B./internal',
      '/public/a%EF%BC%8F..%EF%BC%8Finternal',
      '/public/..%EF%BC%8Finternal',
      '/public/..%EF%BC%BCinternal',
      '/public/%EF%BC%85%EF%BC%92%EF%BD%85%EF%BC%852e/internal',
    ])('%s hides dots and is refused', async (path) => {
      expect(await tried(ground, path)).toEqual([400]);
    });

    test.each([
      '/%C4%B1nternal/x',
      '/%C4%B0nternal/x',
      '/%EF%BD%89nternal/x',
      '/internal%EF%BC%8E/x',
      '/inter%C2%ADnal/x',
      '/internal%E2%80%8D/x',
      '/internal%EF%BC%8Fx',
      '/internal%EF%BC%BCx',
      '/%EF%BC%8Finternal',
      '/%E3%80%80internal%E3%80%80/x',
      '/e%E2%85%B9act',
    ])('%s reaches no guarded path', async (path) => {
      expect(await tried(ground, path)).toEqual([404]);
    });

    test('/int%C4%B1ernal is another name in any reading, and routed as such', async () => {
      const isOpen = options.routes?.includes('id: rest') === true;
      expect(await tried(ground, '/int%C4%B1ernal')).toEqual(isOpen ? [200, '/int%C4%B1ernal'] : [404]);
    });

    test.each([
      '/public/%EF%BC%A1',
      '/public/AC%EF%BC%8FDC',
      '/public/%E4%BD%95%EF%BC%9F',
      '/public/%E2%80%A6',
      '/public/%C4%B1',
    ])('twin: %s passes unchanged', async (path) => {
      expect(await tried(ground, path)).toEqual([200, path]);
    });
  });

  describe('PATH-32 endings of a path', () => {
    const ends = [
      '',
      '/',
      '/secret/',
      '/secret.json',
      '/secret%20',
      '/secret.',
      '/secret~',
      '/secret.php',
      '/-',
      '/*',
      '/:id',
    ];

    test.each(ends)('/internal%s is guarded', async (end) => {
      expect(await tried(ground, `/internal${end}`)).toEqual([401]);
    });

    test.each(['/.', '/..', '//', '/secret/.', '/secret/..', '/secret//', '/./'])(
      '/internal%s is refused',
      async (end) => {
        expect(await tried(ground, `/internal${end}`)).toEqual([400]);
      },
    );

    test('twin: all of them pass with a token', async () => {
      for (const end of ends) {
        expect(await tried(ground, `/internal${end}`, await bearerLine(ground))).toEqual([200, `/internal${end}`]);
      }
    });
  });
});
