/** From the `cors` block, in either spelling of its options, to what answers say to pages of other origins. */
import type { PlannedCors, PlannedMethod } from '../plan-types.js';
import type { CorsBlock } from '../schema/cors.js';

/** What browsers allow without asking (Fetch standard, "CORS-safelisted method"). */
const SAFELISTED_METHODS = ['GET', 'HEAD', 'POST'];

export function planCors(
  block: CorsBlock | undefined,
  methods: readonly PlannedMethod[],
): { readonly cors?: PlannedCors } {
  if (!block?.enabled) return {};
  const { allow_credentials: credentials, max_age: maxAge } = block;
  return {
    cors: {
      origins: block.allowed_origins ?? block.allow_origins ?? [],
      methods: block.allowed_methods ?? block.allow_methods ?? SAFELISTED_METHODS,
      headers: headersOf(block.allowed_headers ?? block.allow_headers, methods),
      exposedHeaders: block.exposed_headers ?? block.expose_headers ?? [],
      credentials,
      ...(maxAge !== undefined && { maxAgeSeconds: maxAge }),
    },
  };
}

/** `*` does not cover `Authorization` (Fetch standard, "non-wildcard request-header name"), so it is named beside it. */
function headersOf(listed: readonly string[] | undefined, methods: readonly PlannedMethod[]): readonly string[] {
  const carriers = new Set(
    methods.flatMap(({ places }) => places).flatMap((place) => (place.in === 'header' ? [place.name] : [])),
  );
  if (listed === undefined) return ['Content-Type', ...carriers];
  return listed.includes('*') ? ['*', ...carriers] : listed;
}
