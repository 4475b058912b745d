/** Auth methods that accept longer credentials than a listener reads. */
import { maxHeaderSize } from '../../http/node-http.js';
import type { Context } from '../context.js';
import type { Plan } from '../plan-types.js';
import { AUTH } from '../plan/methods.js';

/** What the rest of a request head needs at least: the request line, `Host` and a few fields of a browser. */
const REST_OF_HEAD = 2_048;

type Facts = Pick<Plan, 'listeners' | 'methods'>;

/** Such a request is 431 before any auth method reads it. */
export function checkCredentialSize({ listeners, methods }: Facts, { report }: Context): void {
  const [least] = [...headLimits(listeners)].sort((a, b) => a.bytes - b.bytes);
  if (!least) return;
  for (const { name, longestCredentialBytes: longest = 0 } of methods) {
    if (longest + REST_OF_HEAD <= least.bytes) continue;
    const message =
      `accepts ${longest} bytes, but ${least.whose} reads a request head of ${least.bytes} bytes; ` +
      `raise ${least.option} to ${longest + REST_OF_HEAD}, or lower this limit`;
    report.warning({ path: [...AUTH, name, 'max_token_size'], code: 'token_over_head', message });
  }
}

function headLimits(listeners: Facts['listeners']) {
  if (listeners.length === 0)
    return [{ whose: "the host's server", option: 'maxHeaderSize of the server', bytes: maxHeaderSize }];
  return listeners.map(({ name, maxHeaderBytes }) => ({
    whose: `listener ${JSON.stringify(name)}`,
    option: 'its max_header_size',
    bytes: maxHeaderBytes,
  }));
}
