/** A Jest transformer: the transformer of the tests, with the change of `LOOM_MUTANT` in one source file. */
import { join } from 'node:path';
import swc from '@swc/jest';

const { file, start, end, by } = JSON.parse(process.env.LOOM_MUTANT);
const path = join(process.cwd(), file);
const changed = (text, of) => (of === path ? text.slice(0, start) + by + text.slice(end) : text);

export default {
  createTransformer(options) {
    const own = swc.createTransformer(options);
    return {
      canInstrument: own.canInstrument,
      getCacheKey: (text, of, given) => own.getCacheKey(changed(text, of), of, given),
      process: (text, of, given) => own.process(changed(text, of), of, given),
    };
  },
};
