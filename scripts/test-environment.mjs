/** The Jest environment of all tests: skips a file whose programs are not installed. */
import { TestEnvironment } from 'jest-environment-node';
import { missingPrograms } from './programs.mjs';

export default class ProgramEnvironment extends TestEnvironment {
  #path;

  constructor(config, context) {
    super(config, context);
    this.#path = context.testPath;
  }

  handleTestEvent({ name }, state) {
    // Jest runs no hook of a block whose tests are all skipped.
    if (name === 'run_start' && missingPrograms(this.#path).length > 0) skipAll(state.rootDescribeBlock);
  }
}

function skipAll({ children }) {
  for (const child of children) {
    if (child.type === 'test') child.mode = 'skip';
    else skipAll(child);
  }
}
