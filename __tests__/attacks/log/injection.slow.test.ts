/** Text from clients and issuers in the log: one line for each request. The text cannot end a line or move a cursor. */
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { statusOf } from '../../support/ask.js';
import { until } from '../../support/until.js';
import { createLog } from '../../../src/observe/log.js';
import { request as httpRequest } from 'node:http';

afterAll(closeGrounds);

/** Characters that an editor, a terminal or a browser acts on, except the line feed at the end of each line. */
const ACTED_ON = /(?!\n)[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;

const FORGED = '{"level":30,"msg":"access","status":200,"subject":"admin"}';
const SUBJECTS: readonly string[] = [
  `a\n${FORGED}`,
  `a\r\n${FORGED}\r\n`,
  'a\u001b[2J\u001b[31mred',
  'a\u009b31mred',
  'a\u0085next',
  'a"}{"b":"c',
  "a'b\\",
  'a\u2028b\u2029c',
  'a\u202e1234\u202c',
  'a\u0000b',
  'a\u007fb',
  'a\bb\tc\fd\ve',
  '\ufeffa',
  'a\u2066b',
  'a</script><script>alert(1)</script>',
  'a%0d%0ab',
  '${jndi:ldap://x}',
  '=cmd|calc!A1',
  '日本 é',
];

const TOP = (format: string) => `logging: { level: trace, format: ${format}, access: { enabled: true } }`;

/** Returns the lines about requests, once there are `count`. */
async function accessLines(ground: Ground, count: number, mark: RegExp): Promise<readonly string[]> {
  const lines = (): readonly string[] =>
    ground
      .output()
      .split('\n')
      .filter((line) => mark.test(line));
  await until(
    () => lines().length >= count,
    () => `${lines().length} of ${count}`,
  );
  return lines();
}

interface Access {
  readonly subject?: string;
  readonly user_agent?: string;
  readonly path?: string;
  readonly status: number;
}

describe('LOG-01 forged log lines', () => {
  test('a subject of any characters is one JSON line, and parses back unchanged', async () => {
    const ground = await openGround({ top: TOP('json') });
    for (const sub of SUBJECTS)
      await ground.ask('/internal', { headers: { Authorization: `Bearer ${await ground.issuer.token({ sub })}` } });
    const lines = await accessLines(ground, SUBJECTS.length, /"msg":"access"/);
    expect(lines).toHaveLength(SUBJECTS.length);
    const read = lines.map((line) => JSON.parse(line) as Access);
    // A subject that no header can carry is admitted or not. The line has the subject if it was trusted.
    expect(read.map(({ subject }, at) => subject ?? SUBJECTS[at])).toEqual(SUBJECTS);
    expect(read.filter(({ subject }) => subject !== undefined).length).toBeGreaterThan(10);
    expect(ground.output()).not.toMatch(ACTED_ON);
    for (const line of ground.output().trim().split('\n'))
      if (line.startsWith('{')) expect(JSON.parse(line)).toHaveProperty('name', 'loom-auth');
  });

  test('as text, each line still begins with its time', async () => {
    const ground = await openGround({ top: TOP('text') });
    for (const sub of SUBJECTS)
      await ground.ask('/internal', { headers: { Authorization: `Bearer ${await ground.issuer.token({ sub })}` } });
    const lines = await accessLines(ground, SUBJECTS.length, / INFO access /);
    expect(lines).toHaveLength(SUBJECTS.length);
    expect(ground.output()).not.toMatch(ACTED_ON);
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z INFO access /);
    const rest = ground
      .output()
      .trim()
      .split('\n')
      .filter((line) => !/^(?:\d{4}-|warning )/.test(line));
    expect(rest).toEqual([]);
  });

  test('the same for a path, a host, a method and an agent, admitted or refused', async () => {
    const ground = await openGround({ top: TOP('json') });
    const agents = ['\x9b31m', 'a\x85b', '\xe2\x80\xa8', '"}{"', "'", '\\', '\t', '\xff\xfe', 'x'.repeat(2_000)];
    let sent = 0;
    for (const agent of agents) {
      for (const path of [
        '/public/x',
        '/internal',
        '/nowhere',
        '/public/\x9b31m',
        '/public/"',
        '/public/%0a%0d%1b',
        '/public/%e2%80%a8',
        `/${'x'.repeat(3_000)}`,
      ]) {
        const answer = await ground.send(get(path, `User-Agent: ${agent}`, 'Connection: close'));
        // A target with bytes outside ASCII never becomes a request: only the denial records it.
        if (!path.includes('\x9b')) sent += 1;
        else expect(statusOf(answer)).toBe(400);
      }
    }
    for (const host of ['g\x9bw', '"', 'a b']) {
      await ground.send(`GET /public/x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      sent += 1;
    }
    const lines = await accessLines(ground, sent, /"msg":"access"/);
    expect(lines).toHaveLength(sent);
    for (const line of lines) expect(line.length).toBeLessThan(3_000);
    expect(ground.output()).not.toMatch(ACTED_ON);
  });

  test('an id that a client sends is not the id of a line', async () => {
    const ground = await openGround({ top: `${TOP('json').slice(0, -2)}, request_id: { header: X-Request-ID } }` });
    for (const id of ['forged', 'a"b', `x${'y'.repeat(300)}`, 'a\tb'])
      await ground.send(get('/public/x', `X-Request-ID: ${id}`, 'Connection: close'));
    const lines = await accessLines(ground, 4, /"msg":"access"/);
    for (const line of lines)
      expect((JSON.parse(line) as { request_id: string }).request_id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('twin: ordinary text is written unchanged', async () => {
    const ground = await openGround({ top: TOP('json') });
    await new Promise<void>((resolve, reject) => {
      const headers = { 'User-Agent': 'curl/8.0 (é)', 'X-API-Key': 'sk_live_attack_ground_1' };
      httpRequest({ port: ground.port, path: '/api/v1/a%20b?x=1', headers, agent: false }, (answer) =>
        answer.resume().on('end', resolve),
      )
        .on('error', reject)
        .end();
    });
    const [line = ''] = await accessLines(ground, 1, /"msg":"access"/);
    expect(JSON.parse(line)).toMatchObject({
      path: '/api/v1/a%20b',
      user_agent: 'curl/8.0 (é)',
      subject: 'alice',
      status: 200,
    });
  });

  test('twin: a custom logger escapes the same, and a reader gets each character back', () => {
    const written: string[] = [];
    const log = createLog({ stream: { write: (line) => void written.push(line) } });
    for (const text of SUBJECTS) log.info({ text }, 'said');
    expect(written.map((line) => (JSON.parse(line) as { text: string }).text)).toEqual(SUBJECTS);
    expect(written.join('')).not.toMatch(ACTED_ON);
  });
});
