/** The public API of the package; the comments of its exports are the source of docs/reference/api.md. */
export type { Identity, Rate } from './auth/identity.js';
export type { HostIdentity, HostStrategy, Strategies } from './auth/host-strategy.js';
export type { KeyRecord } from './auth/methods/api-key/store/key-record.js';
export {
  KeyStoreError,
  type KeyNotice,
  type KeyQuery,
  type KeyStore,
  type KeyStoreFault,
  type Replacing,
} from './auth/methods/api-key/store/key-store.js';
export type {
  CreatedKey,
  Imported,
  Keys,
  NewKey,
  RotateOptions,
  Time,
  WhichKeys,
} from './auth/methods/api-key/store/keys.js';
export type { Protection, RouteAuth } from './auth/protection.js';
export type { Narrowing, Requirement } from './auth/requirement.js';
export type { PassportStrategy } from './auth/strategy-runner.js';
export type { ReasonCode } from './auth/verdict.js';
export type { DiagnosticCode } from './config/diagnostic-codes.js';
export { ConfigError, formatDiagnostic, type Diagnostic } from './config/diagnostics.js';
export type { Plan } from './config/plan-types.js';
export type { ConfigObject, ConfigSource, Env } from './config/given.js';
export { authOf, identitiesOf } from './admission/identities.js';
export { requireScopes } from './gateway/require-scopes.js';
export { DeniedError } from './gateway/denied-error.js';
export type { OnDenied } from './gateway/host-denials.js';
export type {
  PassportAuthenticate,
  PassportCallback,
  PassportHandler,
  PassportInfo,
  PassportLike,
  PassportOptions,
} from './gateway/passport-types.js';
export type { DenialCode } from './http/problem.js';
export type { Log, Next, Now } from './lib/types.js';
export { loom, type ConnectMiddleware, type Loom, type LoomOptions } from './loom.js';
export type { ExplainedMethod, ExplainOptions, ExplainRequest, Explanation } from './runtime/explain/explanation.js';
export type { UpstreamStatus } from './proxy/upstream.js';
export type { EndpointStatus, NameStatus } from './proxy/upstream/endpoint-status.js';
export type {
  ShadowCallers,
  ShadowCounts,
  ShadowDifference,
  ShadowReport,
  ShadowSide,
} from './runtime/shadow/report.js';
export {
  PortError,
  TlsFileError,
  type Gatekeeper,
  type Listening,
  type ServeOptions,
  type StopOptions,
} from './serve/gatekeeper.js';
export { serve } from './serve/serve.js';
