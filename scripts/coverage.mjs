/** Merges coverage files of Jest, prints the coverage of each guarded folder of `src`, and fails below the threshold. */
import { readFileSync } from 'node:fs';
import { relative, sep } from 'node:path';

const USUAL = { statements: 95, lines: 95 };
/** The folders that decide who gets in, with the least percentages that the fast tier alone must reach. */
const THRESHOLDS = {
  admission: USUAL,
  auth: USUAL,
  config: USUAL,
  gateway: USUAL,
  http: USUAL,
  // Slow tests break connections in ways that the fast tier does not.
  proxy: { statements: 93, lines: 95 },
  routing: USUAL,
  tokens: USUAL,
};

/** The tests of these files start a PostgreSQL server, and are slow. */
const IN_SLOW_TIER = /[/\\]store[/\\]postgres-\w+\.ts$/;

/** The hits of each statement and the first line of each statement, by source file. */
const sources = new Map();
for (const path of process.argv.slice(2)) {
  for (const [file, { statementMap, s }] of Object.entries(JSON.parse(readFileSync(path, 'utf8')))) {
    if (IN_SLOW_TIER.test(file)) continue;
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
  const low = statements < least.statements || lines < least.lines;
  failed ||= low;
  const figures = `${statements.toFixed(1)} % of statements, ${lines.toFixed(1)} % of lines`;
  const floor = `${least.statements} % and ${least.lines} %`;
  console.log(`src/${folder}: ${figures}${low ? `; the floor is ${floor}` : ''}`);
}
process.exitCode = failed ? 1 : 0;

function hitsByLine(statements) {
  const lines = new Map();
  for (const { line, hits } of statements.values()) lines.set(line, Math.max(hits, lines.get(line) ?? 0));
  return lines;
}
