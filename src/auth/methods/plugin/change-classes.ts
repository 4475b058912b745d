/** The class of changes of each option of a plugin. */
import { durationText, secret, time, type Leaf, type Members } from '../../../lib/change-classes.js';
import { THROTTLE } from '../../rate-text.js';
import type { PluginOptions } from './options.js';

const ACCESS: Leaf = { in: 'access' };

export const pluginClasses: Members<PluginOptions> = {
  members: {
    name: { by: 'the name of the item' },
    path: { by: 'bytes' },
    sha256: { by: 'bytes' },
    phase: { in: 'access', default: 'on_request_headers' },
    priority: { in: 'access', default: 0 },
    // A configuration often contains a key.
    config: secret('access'),
    vm_config: secret('access'),
    root_id: ACCESS,
    memory_limit: { in: 'timeouts', default: 16 * 1_048_576 },
    timeout: time('timeout', 50),
    pause_timeout: { in: 'timeouts', show: durationText, default: 5_000 },
    workers: { in: 'timeouts', default: 1 },
    isolation: { in: 'timeouts', default: 'worker' },
    upstreams: { in: 'access', unordered: true, default: [] },
    env: secret('access'),
    identity_headers: { in: ['access', 'headers'], default: ['X-Authenticated-User'] },
    require_identity: ACCESS,
    credential_headers: ACCESS,
    strip_credentials: { in: 'headers', default: true },
    max_body: { in: 'timeouts', default: 1_048_576 },
    throttle: THROTTLE,
    log_level: { in: 'operations', default: 'info', unseen: true },
    bytes: { in: 'access', as: 'path', hide: 'content' },
    calls: { by: 'upstreams' },
  },
};
