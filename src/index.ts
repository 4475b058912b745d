/** The public face of the package. */
export type { Identity, Rate } from './auth/identity.js';
export type { HostIdentity, HostStrategy, Strategies } from './auth/host-strategy.js';

export type { Protection } from './auth/protection.js';
export type { Requirement } from './auth/requirement.js';
export type { Challenge, ReasonCode, Verdict } from './auth/verdict.js';
export { ConfigError, formatDiagnostic, type Diagnostic } from './config/diagnostics.js';
export type { ConfigSource } from './config/source.js';
export { identitiesOf } from './admission/identities.js';
export {
  DeniedError,
  type PassportAuthenticate,
  type PassportCallback,
  type PassportHandler,
  type PassportInfo,
  type PassportLike,
  type PassportOptions,
} from './gateway/passport-types.js';
export { loom, type ConnectMiddleware, type Loom, type LoomOptions } from './loom.js';
export { serve, type Gatekeeper, type ServeOptions } from './serve/serve.js';
