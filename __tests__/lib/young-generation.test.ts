/** The young generation of the heap in a process of its own: small during a start, and of the usual size afterwards. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { built, NODE } from '../support/built.js';
import { runProcess } from '../support/process.js';

const MODULE = pathToFileURL(join(built(), '../../lib/young-generation.js')).href;

/** The sizes while much of what is new stays in use. */
const SCRIPT = `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { keepYoungGenerationSmall, letYoungGenerationGrow } from ${JSON.stringify(MODULE)};
  const work = () => {
    const kept = [];
    for (let at = 0; at < 300_000; at += 1) kept.push({ at, list: [at] });
    return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size;
  };
  keepYoungGenerationSmall();
  const small = work();
  letYoungGenerationGrow();
  console.log(JSON.stringify([small, work()]));
`;

test('is small during a start, and grows afterwards', async () => {
  const { code, stdout, stderr } = await runProcess(NODE, ['--input-type=module', '-e', SCRIPT]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [small = 0, large = 0] = JSON.parse(stdout) as number[];
  expect(large).toBeGreaterThan(small * 2);
});
