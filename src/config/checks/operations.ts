/** Blocks that are not built yet, but whose worst mistakes are none the less errors. */
import type { Blocks } from '../blocks.js';
import type { Context } from '../context.js';
import { parseAddress } from '../schema/listeners.js';

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/;

export function checkOperations({ admin, cors }: Blocks, { report }: Context): void {
  const host = admin?.address === undefined ? '127.0.0.1' : parseAddress(admin.address)?.host;
  if (admin && admin.enabled !== false && admin.auth?.type === 'none' && !LOOPBACK.test(host ?? '')) {
    report.error({
      path: ['admin', 'auth', 'type'],
      code: 'open_admin',
      message: 'none is for loopback addresses alone',
    });
  }
  if (!cors || cors.enabled === false) return;
  for (const key of ['allowed_origins', 'allow_origins'] as const) {
    cors[key]?.forEach((origin, at) => {
      const path = ['cors', key, at];
      if (origin === 'null')
        report.error({ path, code: 'unsafe_cors', message: 'any sandboxed frame has the origin null' });
      if (origin !== '*' || cors.allow_credentials !== true) return;
      report.error({
        path,
        code: 'unsafe_cors',
        message: '"*" beside allow_credentials would let every page act for its visitor',
      });
    });
  }
}
