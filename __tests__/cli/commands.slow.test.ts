/** Every command as a process: what it prints where, and the code it ends with. */
import { compare } from 'bcryptjs';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/built.js';
import { loomAuth } from './command.js';

const COMMANDS = ['serve', 'check', 'demo', 'hash-password', 'hash-key', 'new-key', 'schema'];
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('help', () => {
  test('names every command, shows examples and says what the exit codes mean', async () => {
    const { code, stdout, stderr } = await loomAuth(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command}\\b.+`, 'm'));
    expect(stdout).toContain('loom-auth check loom.yaml');
    expect(stdout).toMatch(/Exit codes: 0 .+ 1 .+ 2 .+ 3 /);
  });

  test.each(COMMANDS)('%s --help explains itself, as does help %s', async (command) => {
    const { code, stdout, stderr } = await loomAuth([command, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^Usage: loom-auth ${command}`));
    expect(await loomAuth(['help', command])).toEqual({ code, stdout, stderr });
  });

  test('names the options that a command has', async () => {
    expect((await loomAuth(['check', '--help'])).stdout).toMatch(/\[file\][^]*"loom\.yaml"[^]*--strict[^]*--json/);
    expect((await loomAuth(['serve', '--help'])).stdout).toMatch(/\[file\][^]*--strict[^]*--insecure-node/);
  });

  test.each([[['frob']], [['check', '--frob']], [['check', 'a', 'b']], [[]]])(
    'goes to standard error, with code 2, after %j',
    async (args) => {
      const { code, stdout, stderr } = await loomAuth(args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/Usage: loom-auth|loom-auth --help/);
    },
  );

  test('--version is the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(await loomAuth(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('secrets', () => {
  test('hash-password --cost takes what a file takes, and warns as a file does', async () => {
    const high = await loomAuth(['hash-password', '--cost', '13'], { input: 'correct horse\n' });
    expect(high.code).toBe(0);
    expect(high.stdout).toMatch(/^\$2b\$13\$/);
    expect(high.stderr).toContain('bcrypt cost 13 is high');
    const higher = await loomAuth(['hash-password', '--cost', '15'], { input: 'correct horse\n' });
    expect(higher.code).toBe(2);
    expect(higher.stdout).toBe('');
    expect(higher.stderr).toContain('must be a number from 10 to 14');
  });

  test('hash-password prints the hash of what was piped, without one newline, and nothing else', async () => {
    const { code, stdout, stderr } = await loomAuth(['hash-password'], { input: 'correct horse\n' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^\$2b\$10\$[./A-Za-z0-9]{53}\n$/);
    expect(await compare('correct horse', stdout.trim())).toBe(true);
  });

  test('hash-key prints the hash that key_hash wants', async () => {
    const stdout = `sha256:${sha256('sk_live_1')}\n`;
    expect(await loomAuth(['hash-key'], { input: 'sk_live_1' })).toEqual({ code: 0, stdout, stderr: '' });
    expect(await loomAuth(['hash-key'], { input: 'sk_live_1\n' })).toEqual({ code: 0, stdout, stderr: '' });
  });

  test.each([
    ['hash-password', ''],
    ['hash-key', ''],
    ['hash-key', 'two words'],
    ['hash-password', 'two\n\n'],
  ])('%s refuses %j, and prints no hash', async (command, input) => {
    const { code, stdout, stderr } = await loomAuth([command], { input });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error .+\n$/);
  });

  test('a secret on the command line, where others can read it, is refused and not repeated', async () => {
    for (const command of ['hash-password', 'hash-key']) {
      const { code, stdout, stderr } = await loomAuth([command, 'hunter2'], { input: 'hunter2' });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).not.toContain('hunter2');
    }
  });

  test('new-key prints a key and its hash, another each time', async () => {
    const runs = await Promise.all([loomAuth(['new-key']), loomAuth(['new-key'])]);
    const keys = runs.map(({ code, stdout }) => {
      expect(code).toBe(0);
      const [, key = '', hash] = /^key: +(sk_[\w-]{43})\nkey_hash: "sha256:([0-9a-f]{64})"\n$/.exec(stdout) ?? [];
      expect(hash).toBe(sha256(key));
      return key;
    });
    expect(keys[0]).not.toBe(keys[1]);
  });
});

test('schema prints one JSON Schema that knows every method', async () => {
  const { code, stdout, stderr } = await loomAuth(['schema']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const schema = JSON.parse(stdout) as { $schema: string; properties: Record<string, unknown> };
  expect(schema.$schema).toContain('json-schema.org');
  expect(Object.keys(schema.properties)).toEqual(
    expect.arrayContaining(['listeners', 'middleware', 'routes', 'upstreams']),
  );
  for (const method of ['api_key', 'basic', 'jwt', 'oauth', 'mtls']) expect(stdout).toContain(`"${method}"`);
});
