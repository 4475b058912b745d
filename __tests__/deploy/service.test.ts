/** The systemd unit: its command, its credentials, its limits, and what it denies the process. */
import { checkCommand, longestStop, read } from './file.js';

const text = read('deploy/loom-auth.service');
const settings = Array.from(text.matchAll(/^(\w+)=(.*)$/gm), ([, name = '', value = '']) => [name, value] as const);
const valuesOf = (name: string): readonly string[] =>
  settings.filter(([each]) => each === name).map(([, value]) => value);

test('its command is the program of the package, with a command that exists', () => {
  const [start = ''] = valuesOf('ExecStart');
  const [node, program = '', ...args] = start.split(' ');
  expect(node).toBe('/usr/bin/node');
  const { bin } = JSON.parse(read('package.json')) as { bin: Readonly<Record<string, string>> };
  expect(program).toBe(`/opt/loom-auth/node_modules/loom-auth/${bin['loom-auth']}`);
  checkCommand(args);
});

test('a reload is SIGHUP, and a stop SIGTERM with the whole time of the process', () => {
  expect(valuesOf('ExecReload')).toEqual(['/bin/kill -HUP $MAINPID']);
  expect(read('src/serve/reload-signal.ts')).toContain("'SIGHUP'");
  expect(valuesOf('KillSignal')).toEqual(['SIGTERM']);
  expect(Number(valuesOf('TimeoutStopSec')[0])).toBeGreaterThan(longestStop());
});

test('a wrong file is not tried again', () => {
  expect(valuesOf('Restart')).toEqual(['on-failure']);
  expect(valuesOf('RestartPreventExitStatus')).toEqual(['1']);
  expect(read('docs/reference/cli.md')).toContain('1 the file has mistakes');
});

test('each secret is a credential of the unit, and none is a variable', () => {
  const credentials = valuesOf('LoadCredential').map((value) => value.split(':'));
  for (const [name = '', path] of credentials) expect(path).toBe(`/etc/loom-auth/secrets/${name}`);
  expect(credentials.map(([name]) => name)).toEqual(['scrape-token', 'redis-password', 'database-url']);
  expect(valuesOf('Environment')).toEqual(['NODE_ENV=production']);
});

test.each([
  ['DynamicUser', 'yes'],
  ['ProtectSystem', 'strict'],
  ['ProtectHome', 'yes'],
  ['NoNewPrivileges', 'yes'],
  ['CapabilityBoundingSet', ''],
  ['RestrictNamespaces', 'yes'],
  ['SystemCallArchitectures', 'native'],
])('%s=%s', (name, value) => expect(valuesOf(name)).toEqual([value]));

test('the compiler of V8 may work, and calls of the system are a list', () => {
  expect(valuesOf('MemoryDenyWriteExecute')).toEqual([]);
  expect(valuesOf('SystemCallFilter')).toEqual(['@system-service', '~@privileged @resources']);
});
