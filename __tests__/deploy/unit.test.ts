/**
 * systemd itself reads the unit without a complaint.
 *
 * @needs systemd-analyze
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NODE } from '../support/built.js';
import { runProcess, type Finished } from '../support/process.js';
import { read } from './file.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-unit-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The Node of this machine in place of the one of the unit. */
function verify(change: (text: string) => string = (text) => text): Promise<Finished> {
  const file = join(folder, 'loom-auth.service');
  writeFileSync(file, change(read('deploy/loom-auth.service').replace('/usr/bin/node', NODE)));
  return runProcess('systemd-analyze', ['verify', '--man=no', file]);
}

test('it is valid', async () => {
  const { code, stderr } = await verify();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test.each([
  ['ProtectSystem=strict', 'ProtectSystem=strictly'],
  ['NoNewPrivileges=', 'NoPrivileges='],
  ['@system-service', '@system-services'],
])('twin: %s, misspelled, is a complaint', async (from, to) => {
  expect((await verify((text) => text.replace(from, to))).stderr).not.toBe('');
});
