/** Merges coverage files of Jest, prints the coverage of each guarded folder of `src`, and fails below the threshold. */
import { readFileSync } from 'node:fs';
import { relative, sep } from 'node:path';

/** The folders that decide who gets in, with the least percentage of statements and lines. */
const THRESHOLDS = {
  admission: 95,
  auth: 95,
  config: 95,
  gateway: 95,
  http: 95,
  proxy: 95,
  routing: 95,
  tokens: 95,
};

/** The hits of each statement and the first line of each statement, by source file. */
const sources = new Map();
for (const path of process.argv.slice(2)) {
  for (const [file, { statementMap, s }] of Object.entries(JSON.parse(readFileSync(path, 'utf8')))) {
    const known = sources.get(file) ?? new Map();
    sources.set(file, known);
    for (const [id, { start }] of Object.entries(statementMap)) {
      const hits = (known.get(id)?.hits ?? 0) + s[id];
      known.set(id, { line: start.line, hits });
    }
  }
}

const folderOf = (file) => relative(process.cwd(), file).split(sep)[1];
const percent = (hits) => (100 * hits.filter((each) => each > 0).length) / Math.max(1, hits.length);
let failed = false;
for (const [folder, least] of Object.entries(THRESHOLDS)) {
  const files = [...sources].filter(([file]) => folderOf(file) === folder).map(([, statements]) => statements);
  const statements = percent(files.flatMap((each) => [...each.values()].map(({ hits }) => hits)));
  const lines = percent(files.flatMap((each) => [...hitsByLine(each).values()]));
  const low = statements < least || lines < least;
  failed ||= low;
  const figures = `${statements.toFixed(1)} % of statements, ${lines.toFixed(1)} % of lines`;
  console.log(`src/${folder}: ${figures}${low ? `, below ${least} %` : ''}`);
}
process.exitCode = failed ? 1 : 0;

function hitsByLine(statements) {
  const lines = new Map();
  for (const { line, hits } of statements.values()) lines.set(line, Math.max(hits, lines.get(line) ?? 0));
  return lines;
}
