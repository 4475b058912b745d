/** Turns SIGTERM and SIGINT into one graceful stop; a second signal does not wait. */
import type { Log } from '../lib/types.js';

export interface StopSignals {
  readonly stop: () => Promise<void>;
  readonly log: Log;
  /** Ends the process; injected for tests. */
  readonly exit?: (code: number) => void;
}

const SIGNALS = { SIGTERM: 143, SIGINT: 130 } as const;

/** Returns the act of no longer listening. */
export function onStopSignals({ stop, log, exit = (code) => process.exit(code) }: StopSignals): () => void {
  let stopping = false;
  const received = (signal: keyof typeof SIGNALS): void => {
    if (stopping) {
      exit(SIGNALS[signal]);
      return;
    }
    stopping = true;
    log.info({ signal }, 'stopping: requests in flight may finish');
    stop().then(
      () => exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'stopping failed');
        exit(2);
      },
    );
  };
  const listeners = (Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]).map((signal) => {
    const listener = (): void => received(signal);
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => listeners.forEach((off) => off());
}
