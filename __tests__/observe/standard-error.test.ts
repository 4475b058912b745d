/** Log lines on standard error: whole, in order, in few writes, and none lost where a process ends. */
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { built, NODE } from '../support/built.js';
import { runProcess } from '../support/process.js';

const LOG_FILE = pathToFileURL(join(dirname(dirname(built())), 'observe/log.js')).href;

/** Runs `act` with a log, and returns its lines on standard error and the number of writes. */
async function logged(act: string): Promise<{ readonly lines: readonly string[]; readonly writes: number }> {
  const script = `
    import fs from 'node:fs';
    const { createLog } = await import('${LOG_FILE}');
    let writes = 0;
    const { writeSync } = fs;
    fs.writeSync = (fd, ...given) => ((writes += fd === 2), writeSync(fd, ...given));
    const log = createLog();
    const report = () => writeSync(1, String(writes));
    ${act}`;
  const { stderr, stdout } = await runProcess(NODE, ['--input-type=module', '--eval', script]);
  const ours = stderr.split('\n').filter((line) => line.startsWith('{'));
  return { lines: ours.map((line) => (JSON.parse(line) as { msg: string }).msg), writes: Number(stdout) };
}

const numbered = (count: number): readonly string[] => Array.from({ length: count }, (_each, at) => `line ${at}`);
const LOG_MANY = 'for (let at = 0; at < 200; at += 1) log.info({ path: "/é".repeat(100) }, `line ${at}`);';

test('the lines of one turn share writes, which a pipe of several workers does not split', async () => {
  const { lines, writes } = await logged(`${LOG_MANY} setTimeout(report, 20);`);
  expect(lines).toEqual(numbered(200));
  // About 420 bytes a line.
  expect(writes).toBeGreaterThan(15);
  expect(writes).toBeLessThan(40);
});

test('a line is written in the turn in which it is logged', async () => {
  const act = `
    log.info('first');
    setImmediate(() => { report(); process.kill(process.pid, 'SIGKILL'); });`;
  expect(await logged(act)).toEqual({ lines: ['first'], writes: 1 });
});

test('lines are written again after a full disk, although more was held back than the limit', async () => {
  const act = `
    const write = fs.writeSync;
    fs.writeSync = (fd, ...given) => {
      if (fd === 2) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      return write(fd, ...given);
    };
    for (let at = 0; at < 20_000; at += 1) log.warn({ path: 'x'.repeat(100) }, 'lost or late');
    fs.writeSync = write;
    for (let at = 0; at < 5; at += 1) log.warn('after');`;
  expect((await logged(act)).lines.slice(-3)).toEqual(['after', 'after', 'after']);
});

test.each([
  ['logs while it exits', "process.on('exit', () => log.info('line 200')); process.exit(3);"],
  ['exits', 'process.exit(3);'],
  ['throws', "throw new Error('a mistake of the host');"],
  ['rejects', "void Promise.reject(new Error('a mistake of the host')); await undefined;"],
  ['is killed after a warning', "log.warn('line 200'); process.kill(process.pid, 'SIGKILL');"],
  ['is killed after an error', "log.error('line 200'); process.kill(process.pid, 'SIGKILL');"],
])('no line is lost where the process %s', async (_how, end) => {
  const { lines } = await logged(LOG_MANY + end);
  expect(lines).toEqual(numbered(end.includes('line 200') ? 201 : 200));
});

test('a longer line than one write is whole, and in its place', async () => {
  const act = "log.info('a'); log.info('b'.repeat(100_000)); log.info('c'); setTimeout(report, 20);";
  expect(await logged(act)).toEqual({ lines: ['a', 'b'.repeat(100_000), 'c'], writes: 3 });
});

test('two logs of one process keep their order', async () => {
  const act = "const other = createLog({ worker: 2 }); log.info('1'); other.info('2'); log.warn('3'); other.info('4');";
  expect((await logged(act)).lines).toEqual(['1', '2', '3', '4']);
});
