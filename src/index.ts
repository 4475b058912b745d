/** The public face of the package. */
export type { Identity, Rate } from './auth/identity.js';
export type { Requirement } from './auth/requirement.js';
export type { Challenge, ReasonCode, Verdict } from './auth/verdict.js';
export { ConfigError, formatDiagnostic, type Diagnostic } from './config/diagnostics.js';
