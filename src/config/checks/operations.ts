/** Blocks that are not built yet, but whose worst mistakes are none the less errors. */
import type { Blocks } from '../blocks.js';
import type { Context } from '../context.js';
import { parseAddress } from '../schema/listeners.js';

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/;

export function checkOperations({ admin }: Blocks, { report }: Context): void {
  const host = admin?.address === undefined ? '127.0.0.1' : parseAddress(admin.address)?.host;
  if (admin && admin.enabled !== false && admin.auth?.type === 'none' && !LOOPBACK.test(host ?? '')) {
    report.error({
      path: ['admin', 'auth', 'type'],
      code: 'open_admin',
      message: 'none is for loopback addresses alone',
    });
  }
}
