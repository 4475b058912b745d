/** Each refused request is in the log exactly once, with the id that its client received. */
import { connect as connectTls } from 'node:tls';
import { readFileSync } from 'node:fs';
import { ALICE_KEY, closeGrounds, get, KEY, type Ground } from '../../support/attack-ground.js';
import { openRefusingGround, refusedRequests } from '../../support/refused-requests.js';
import { refused as broken } from '../../support/request-blocks.js';
import { statusOf } from '../../support/ask.js';
import { until } from '../../support/until.js';
import { openTlsGround } from '../../support/tls-ground.js';

afterAll(closeGrounds);

type Line = Readonly<Record<string, unknown>> & { readonly msg: string };

/** Every line is one JSON object, except the output of `check` before the log begins. */
const linesOf = (ground: Ground): readonly Line[] =>
  ground
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);

const denials = (ground: Ground): readonly Line[] =>
  linesOf(ground).filter(({ msg }) => msg === 'denied' || msg === 'failed');

const bodyOf = (answer: string): { instance: string; code: string; status: number } =>
  JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as { instance: string; code: string; status: number };

const ACCESS = 'logging: { access: { enabled: true }, request_id: { header: X-Request-ID } }';

describe('LOG-05 refusals in the log', () => {
  test.each([
    ['with the defaults', ''],
    ['with an access log and request ids', ACCESS],
  ])('one line for each, %s', async (_what, top) => {
    const ground = await openRefusingGround({ top });
    const corpus = await refusedRequests(ground);
    for (const [at, { what, status, code, reason, bytes }] of corpus.entries()) {
      const answer = await ground.send(bytes);
      expect({ what, status: statusOf(answer) }).toEqual({ what, status });
      const { instance, ...body } = bodyOf(answer);
      expect({ what, ...body }).toMatchObject({ what, code, status });
      await until(() => denials(ground).length > at);
      const found = denials(ground).filter((line) => line['instance'] === instance);
      expect(found).toEqual([
        expect.objectContaining({ status, code, client: '127.0.0.1', level: 30, name: 'loom-auth' }),
      ]);
      expect({ what, reason: found[0]?.['reason'] }).toEqual({ what, reason });
    }
    expect(denials(ground)).toHaveLength(corpus.length);
    expect(new Set(denials(ground).map((line) => line['instance'])).size).toBe(corpus.length);
    for (const status of [400, 401, 403, 404, 405, 426, 429, 431, 502, 503])
      expect(denials(ground).map((line) => line['status'])).toContain(status);
  });

  test('the same for each kind of broken bytes, answered or not', async () => {
    const ground = await openRefusingGround();
    let expected = 0;
    for (const { name, bytes } of broken) {
      const answer = await ground.send(bytes);
      const before = expected;
      // A body that breaks after an admitted head may end without a response of the gateway. Then there is nothing to
      // count.
      if (answer !== '' && answer.includes('"instance"')) expected += 1;
      await until(() => denials(ground).length >= expected);
      expect({ name, lines: denials(ground).length - before }).toEqual({ name, lines: expected - before });
    }
    expect(expected).toBeGreaterThan(50);
  });

  test('with request ids the access line, the response and the denial agree', async () => {
    const ground = await openRefusingGround({ top: ACCESS });
    const answer = await ground.send(get('/internal', 'X-Request-ID: chosen-by-the-client', 'Connection: close'));
    const { instance } = bodyOf(answer);
    expect(answer).toMatch(new RegExp(`^x-request-id: ${instance}\r$`, 'im'));
    expect(instance).not.toContain('chosen');
    const access = (): readonly Line[] => linesOf(ground).filter((line) => line['request_id'] === instance);
    await until(() => access().length > 0);
    expect(access()).toEqual([expect.objectContaining({ msg: 'access', status: 401, reason: 'credential_missing' })]);
  });

  test('HEAD has no body, but it has a line', async () => {
    const ground = await openRefusingGround();
    await ground.send(get('/internal', 'Connection: close').replace('GET', 'HEAD'));
    await until(() => denials(ground).length > 0);
    expect(denials(ground)).toEqual([expect.objectContaining({ status: 401, http_method: 'HEAD', route: 'internal' })]);
  });

  test('a client that a handshake refuses is in the log too', async () => {
    const tls = await openTlsGround();
    const lines = () => linesOf(tls.ground).filter(({ msg }) => msg === 'handshake refused');
    expect(await tls.status(tls.demanding, '/service/x', tls.made.wrongCa)).toBe('refused');
    expect(await tls.status(tls.demanding, '/service/x')).toBe('refused');
    await until(() => lines().length >= 2);
    expect(lines()).toEqual([
      expect.objectContaining({ listener: 'demanding', client: '127.0.0.1', cause: expect.any(String) as string }),
      expect.objectContaining({ listener: 'demanding', client: '127.0.0.1', cause: expect.any(String) as string }),
    ]);
    const options = { port: tls.asking, host: '127.0.0.1', ca: readFileSync(tls.made.ca), servername: 'localhost' };
    const old = connectTls({ ...options, maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' });
    old.on('error', () => undefined);
    await new Promise((resolve) => old.on('close', resolve));
    await until(() => lines().length >= 3);
    await tls.made.remove();
  });

  test('twin: an admitted request leaves no denial', async () => {
    const ground = await openRefusingGround({ top: ACCESS });
    const answers = [
      await ground.send(get('/public/x', 'Connection: close')),
      await ground.send(get('/api/v1/x', `X-API-Key: ${KEY}`, 'Connection: close')),
      await ground.send(get('/internal', `Authorization: Bearer ${await ground.issuer.token()}`, 'Connection: close')),
      (await ground.ask('/api/v1/x', { headers: ALICE_KEY })).body,
    ];
    expect(answers.slice(0, 3).map(statusOf)).toEqual([200, 200, 200]);
    const access = (): readonly Line[] => linesOf(ground).filter(({ msg }) => msg === 'access');
    // The first one is a request of the test harness.
    await until(() => access().length >= 5);
    expect(denials(ground)).toEqual([]);
  });
});
