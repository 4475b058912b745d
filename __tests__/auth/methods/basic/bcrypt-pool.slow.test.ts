/** The threads that compare passwords: a CommonJS worker, and a pool that can be closed at any moment of its start. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { hashSync } from 'bcryptjs';
import { BcryptPool } from '../../../../src/auth/methods/basic/bcrypt-pool.js';
import { built, NODE } from '../../../support/built.js';
import { runProcess } from '../../../support/process.js';

const HASH = hashSync('right', 4);
const BASIC = join(built(), '../../auth/methods/basic');

/** Closes a pool at every moment of its start: at once, and up to 40 ms later. */
const SCRIPT = `
import { BcryptPool } from ${JSON.stringify(pathToFileURL(join(BASIC, 'bcrypt-pool.js')).href)};
const asked = { password: 'right', passwordHash: ${JSON.stringify(HASH)}, padding: [] };
const outcomes = new Set();
for (let at = 0; at < 60; at += 1) {
  const pool = new BcryptPool();
  const waiting = [1, 2, 3].map(() => pool.verify(asked).then((same) => outcomes.add(same), () => outcomes.add('closed')));
  if (at % 3 > 0) await new Promise((resolve) => setTimeout(resolve, at % 41));
  await pool.close();
  await Promise.all(waiting);
}
console.log([...outcomes].sort().join());
`;

test.each([1, 2, 3])('a process that starts and closes sixty pools in quick succession ends with 0: %d', async () => {
  const { code, stdout, stderr } = await runProcess(NODE, ['--input-type=module', '-e', SCRIPT]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^closed(,true)?\n$/);
});

test('the worker is CommonJS: `require` loads it, and it is the comparison itself', async () => {
  const worker = JSON.stringify(join(BASIC, 'bcrypt-worker.cjs'));
  const asked = JSON.stringify({ password: 'right', passwordHash: HASH, padding: [] });
  const script = `console.log(require(${worker})(${asked}), Object.keys(require.cache).some((each) => each === ${worker}))`;
  const { stdout, stderr } = await runProcess(NODE, ['--no-experimental-require-module', '-e', script]);
  expect({ stdout, stderr }).toEqual({ stdout: 'true true\n', stderr: '' });
});

test('twin: a pool that stays open compares', async () => {
  const pool = new BcryptPool();
  try {
    const verify = (password: string): Promise<boolean> =>
      pool.verify({ password, passwordHash: HASH, padding: [HASH] });
    expect(await Promise.all(['right', 'wrong', 'right'].map(verify))).toEqual([true, false, true]);
  } finally {
    await pool.close();
  }
  await expect(pool.verify({ password: 'right', passwordHash: HASH, padding: [] })).rejects.toThrow('closed');
});
