/** A Jest reporter: one line for each program that is missing, with the number of tests that it skipped. */
import { PROGRAMS, missingPrograms } from './programs.mjs';

export default class ProgramReporter {
  #skipped = new Map();

  onTestResult({ path }, { numPendingTests }) {
    for (const name of missingPrograms(path)) this.#skipped.set(name, (this.#skipped.get(name) ?? 0) + numPendingTests);
  }

  onRunComplete() {
    for (const [name, tests] of this.#skipped) {
      console.log(
        `${name} is not installed: ${tests} tests skipped. On Debian: apt-get install ${PROGRAMS[name].package}`,
      );
    }
  }
}
