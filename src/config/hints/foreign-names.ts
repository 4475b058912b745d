/** What other products call an option of this file: Kong, Envoy, Traefik, nginx, express-jwt, Passport and others. */
import { AUTH_NAMES, type ForeignNames } from './foreign-auth-names.js';
import { GATEWAY_NAMES } from './foreign-gateway-names.js';

export const FOREIGN_NAMES: readonly ForeignNames[] = [...AUTH_NAMES, ...GATEWAY_NAMES];
