/** Writes the pages of docs/reference from the built package and its sources: `npm run docs`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { REASONS } from '../dist/auth/verdict.js';
import { commands } from '../dist/cli/program.js';
import { DIAGNOSTICS } from '../dist/config/diagnostic-codes.js';
import { LINT_CODES } from '../dist/config/lint-codes.js';
import { RULE_PAGES } from '../dist/config/rules/index.js';
import { jsonSchema } from '../dist/config/json-schema.js';
import { STATUSES, TITLES } from '../dist/http/problem.js';
import { ACCESS_FIELD_MEANINGS, LOG_EVENTS } from '../dist/lib/access-fields.js';
import { METRICS } from '../dist/lib/metrics.js';
import { apiPage } from './reference/api.mjs';
import { cliHelp } from './reference/cli-help.mjs';
import { logLines, programOf } from './reference/log-lines.mjs';
import { referencePages } from './reference/pages.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const program = programOf(root);
const pages = referencePages({
  schema: jsonSchema(),
  titles: TITLES,
  statuses: STATUSES,
  reasons: REASONS,
  diagnostics: DIAGNOSTICS,
  rules: RULE_PAGES,
  checkOnly: Object.keys(LINT_CODES),
  metrics: METRICS,
  events: LOG_EVENTS,
  accessFields: ACCESS_FIELD_MEANINGS,
  help: cliHelp(commands),
  logLines: logLines(program, root),
  api: apiPage(program, root),
});
for (const [path, text] of Object.entries(pages)) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
