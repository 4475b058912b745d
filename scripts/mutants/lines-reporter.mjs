/** A Jest reporter: records which test files run each line of `src`. Needs `--coverage`. */
import { writeFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { relative } from 'node:path';

export default class LinesReporter {
  /** By source file: by line, the test files that run it. */
  #lines = {};

  onTestResult({ path }, { coverage = {} }) {
    const test = relative(process.cwd(), path);
    for (const [file, { statementMap, s, inputSourceMap }] of Object.entries(coverage)) {
      const map = inputSourceMap && new SourceMap(inputSourceMap);
      const lines = (this.#lines[relative(process.cwd(), file)] ??= {});
      for (const [id, { start }] of Object.entries(statementMap)) {
        if (s[id] === 0) continue;
        const line = map ? map.findEntry(start.line - 1, start.column).originalLine + 1 : start.line;
        const tests = (lines[line] ??= []);
        if (tests.at(-1) !== test) tests.push(test);
      }
    }
  }

  onRunComplete() {
    writeFileSync(process.env.MUTANT_LINES, JSON.stringify(this.#lines));
  }
}
