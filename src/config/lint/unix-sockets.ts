/** Listeners on Unix sockets: whose clients have no address, and who else may choose one. */
import { UNIX_PEER } from '../../lib/address.js';
import { addressUseOf } from '../address-use.js';
import type { Context } from '../context.js';
import type { Plan } from '../plan-types.js';

/** The permission of users other than the owner and the group to connect. */
const OTHERS_WRITE = 0o002;

export function checkUnixSockets(plan: Plan, context: Context): void {
  const { listeners, trustedProxies, clientIpHeader } = plan;
  const trusted = [...trustedProxies, ...(clientIpHeader?.from ?? [])].includes(UNIX_PEER);
  const use = addressUseOf(plan);
  listeners.forEach(({ unix, proxyProtocol }, at) => {
    if (!unix) return;
    const isNamed = trusted || proxyProtocol !== undefined;
    if (!isNamed && use !== undefined) {
      const message = `all clients of this socket are one unknown client, and ${use} depends on the address: write unix in trusted_proxies, or use proxy_protocol`;
      context.report.warning({ path: ['listeners', at, 'address'], code: 'unknown_clients', message });
    }
    if (isNamed && (unix.mode & OTHERS_WRITE) !== 0) {
      const message = 'lets every user of this machine connect and name any client address';
      context.report.warning({ path: ['listeners', at, 'mode'], code: 'forgeable_clients', message });
    }
  });
}
