/** No secret of a file is printed, for any error in the file and any command. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { ConfigError } from '../../../src/config/diagnostics.js';
import { loom } from '../../../src/loom.js';
import { ask, statusOf } from '../../support/ask.js';
import { ALICE_KEY, closeGrounds, CLIENT_SECRET, get, KEY, openGround, PASSWORD } from '../../support/attack-ground.js';
import { built, NODE } from '../../support/built.js';
import { runProcess } from '../../support/process.js';
import { quietLog } from '../../support/quiet-log.js';
import { HASH, whole } from './files.js';

/** Part of no word that a message needs. */
const SECRETS = {
  key: 'zq-key-7f3a91',
  client: 'zq-client-55b0e2',
  jwt: 'zq-jwt-0c4d7e-and-then-more-than-32-bytes',
  hash: HASH,
};
const SOURCE = '      issuer: https://id.example\n      audience: api\n      jwks_url: https://id.example/jwks.json\n';

const SECRET_FILE = whole(
  ['key: k-1234567890abcdef', `key: ${SECRETS.key}`],
  ['client_secret: s-1234567890', `client_secret: ${SECRETS.client}`],
  [SOURCE, `      secret: ${SECRETS.jwt}\n`],
);

function change(from: string, to: string): string {
  expect(SECRET_FILE.split(from)).toHaveLength(2);
  return SECRET_FILE.replace(from, () => to);
}

const LINE = {
  key: `key: ${SECRETS.key}`,
  client: `client_secret: ${SECRETS.client}`,
  jwt: `secret: ${SECRETS.jwt}`,
  hash: `password_hash: ${HASH}`,
} as const;

/** Every secret, misplaced, with another type, unquoted and broken. */
const broken = (name: keyof typeof LINE): readonly string[] => {
  const line = LINE[name];
  const secret = SECRETS[name];
  const option = line.slice(0, line.indexOf(':'));
  return [
    `${option}: [${secret}]`,
    `${option}: {${secret}: true}`,
    `${option}: {value: ${secret}}`,
    `${option}: "${secret} "`,
    `${option}: "${secret}\\n"`,
    `${option}: "${secret}\\0"`,
    `${option}: !x ${secret}`,
    `${option}: *${secret}`,
    `${option}: &a ${secret}\n          ${option}: ${secret}`,
    `${option}: "${secret}`,
    `${option}: '${secret}`,
    `${option}: ${secret}: x`,
    `${option}: ${secret} # x\n\t${secret}`,
    `${option}: @${secret}`,
    `${option}: "\\q${secret}"`,
    `${option}: |\n${secret}`,
    `${option}: "\${${secret}:-${secret}}"`,
    `${option}: "\${X:-${secret}}"`,
    `${option}s: ${secret}`,
    `${option}: ${secret}\u2028`,
    `${option}: ${secret}\u0007`,
  ];
};

describe('CFG-20 secrets in output', () => {
  test.each(Object.keys(LINE) as (keyof typeof LINE)[])(
    '%s: a broken file is refused, and no message contains its secret',
    (name) => {
      const told = broken(name).map((line) => {
        try {
          loom({ text: change(LINE[name], line), file: 'loom.yaml' }, { log: quietLog() });
          return 'loads';
        } catch (cause) {
          if (!(cause instanceof ConfigError)) throw cause;
          return [cause.message, inspect(cause, { depth: 9 }), JSON.stringify(cause), String(cause.stack)].join('\n');
        }
      });
      for (const [i, words] of told.entries()) {
        if (words === 'loads') continue;
        // The name of a reference is printed, because it is not secret.
        const said = (broken(name)[i] as string).includes('${')
          ? []
          : Object.values(SECRETS).filter((secret) => words.includes(secret));
        expect([broken(name)[i], said]).toEqual([broken(name)[i], []]);
      }
      expect(told.filter((words) => words === 'loads').length).toBeLessThan(4);
    },
  );

  test('a secret as a name, a path or a list is refused and not repeated', () => {
    const places: readonly (readonly [string, string])[] = [
      ['      jwt: true\n', `      ${SECRETS.key}: true\n`],
      ['methods: [jwt, api_key, basic, oauth]', `methods: [jwt, ${SECRETS.key}]`],
      ['      jwt: true\n', `      api_key: {names: [${SECRETS.key}]}\n`],
      [`        - key: ${SECRETS.key}\n          name: alice\n`, `        - ${SECRETS.key}: alice\n`],
      [`        - key: ${SECRETS.key}\n          name: alice\n`, `        - ${SECRETS.key}\n`],
      [`        - key: ${SECRETS.key}\n          name: alice\n`, `        ${SECRETS.key}: alice\n`],
      ['          name: alice\n', `          name: alice\n        - {key: ${SECRETS.key}, name: bob}\n`],
      [`        - username: admin\n          password_hash: ${HASH}\n`, `        - admin: ${HASH}\n`],
      [`        - username: admin\n          password_hash: ${HASH}\n`, `        - "admin:${HASH}"\n`],
    ];
    for (const [from, to] of places) {
      let words = '';
      try {
        loom({ text: change(from, to), file: 'loom.yaml' }, { log: quietLog() });
      } catch (cause) {
        words = (cause as Error).message;
      }
      expect(words).not.toBe('');
      expect([to, Object.values(SECRETS).filter((secret) => words.includes(secret))]).toEqual([to, []]);
    }
  });

  test('check, check --json, schema and serve print none, of a good file or a bad one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'loom-cfg-'));
    try {
      const files = {
        good: SECRET_FILE,
        bad: `${SECRET_FILE}unknown: ${SECRETS.key}\n`,
        cut: SECRET_FILE.slice(0, -3),
      };
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.yaml`), text);
      const env = { DEBUG: '*', LOG_LEVEL: 'trace', NODE_DEBUG: 'http,net' };
      const commands = [
        ...['good', 'bad', 'cut'].flatMap((name) => [
          ['check', `${name}.yaml`],
          ['check', '--json', '--strict', `${name}.yaml`],
        ]),
        ['serve', 'bad.yaml'],
        ['serve', '--strict', 'good.yaml'],
      ];
      for (const args of commands) {
        const { code, stdout, stderr } = await runProcess(NODE, [built(), ...args], { cwd: folder, env });
        expect([args, code]).toEqual([args, args.join(' ') === 'check good.yaml' ? 0 : 1]);
        expect([args, Object.values(SECRETS).filter((secret) => (stdout + stderr).includes(secret))]).toEqual([
          args,
          [],
        ]);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a plan, a middleware and their log print none', async () => {
    const log = quietLog();
    const gate = loom({ text: SECRET_FILE, file: 'loom.yaml' }, { log });
    const printed = [
      inspect(gate, { depth: 20 }),
      JSON.stringify(gate.plan),
      inspect(gate.plan, { depth: 20 }),
      JSON.stringify(log.entries),
    ];
    expect(Object.values(SECRETS).filter((secret) => printed.join('\n').includes(secret))).toEqual([]);
    await gate.close();
  });

  test('twin: at run time, with the most verbose log, credentials work and no response contains one', async () => {
    const ground = await openGround({
      top: 'logging: { level: trace, access: { enabled: true } }',
      env: { DEBUG: '*', LOG_LEVEL: 'trace' },
    });
    const wrong = ['X-API-Key: zq-guess-1', 'Authorization: Basic zq-guess-2', 'Authorization: Bearer zq-guess-3'];
    ground.secrets.push('zq-guess-1', 'zq-guess-2', 'zq-guess-3', HASH);
    for (const path of ['/internal/x', '/api/v1/x', '/ops/x', '/any/x', '/all/x', '/nowhere']) {
      for (const line of wrong) {
        const answer = await ground.send(get(path, line));
        expect(statusOf(answer)).toBeGreaterThanOrEqual(400);
        for (const secret of [KEY, PASSWORD, CLIENT_SECRET, 'zq-guess']) expect(answer).not.toContain(secret);
      }
    }
    expect(ground.arrived()).toEqual([]);
    const { status } = await ask({ port: ground.port, path: '/api/v1/x', headers: ALICE_KEY });
    expect(status).toBe(200);
    await closeGrounds();
  });
});
