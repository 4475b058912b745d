/** From the `logging` block to what the gateway writes. */
import type { PlannedLogging } from '../plan-types.js';
import type { LoggingBlock } from '../schema/logging.js';

export function planLogging(block: LoggingBlock | undefined): PlannedLogging {
  const { level = 'info', format = 'json', access, request_id: requestId } = block ?? {};
  return {
    level,
    format,
    ...(access?.enabled && { access: access.fields }),
    ...(requestId && { requestId }),
  };
}
