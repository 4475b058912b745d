/** The page of every rule; loaded for the reference and for SARIF only. */
import type { DiagnosticCode } from '../diagnostic-codes.js';
import { AUTH_PAGES } from './auth.js';
import type { RulePage } from './example.js';
import { LINT_PAGES } from './lint.js';
import { OPTION_PAGES } from './options.js';
import { ROUTE_PAGES } from './routes.js';
import { SERVER_PAGES } from './server.js';
import { SYNTAX_PAGES } from './syntax.js';

export const RULE_PAGES: Readonly<Record<DiagnosticCode, RulePage>> = {
  ...SYNTAX_PAGES,
  ...OPTION_PAGES,
  ...AUTH_PAGES,
  ...ROUTE_PAGES,
  ...SERVER_PAGES,
  ...LINT_PAGES,
};
