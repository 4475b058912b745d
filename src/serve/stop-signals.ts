/** Turns SIGTERM and SIGINT into one graceful stop. A second signal ends the process at once. */
import type { Log } from '../lib/types.js';

export interface StopSignals {
  readonly stop: () => Promise<void>;
  readonly log: Log;
  /** Ends the process. Tests inject a replacement. */
  readonly exit?: (code: number) => void;
  /** The longest time that a stop may take. Default: 40 s. */
  readonly deadlineMs?: number;
}

/** Requests in flight have 30 s, plugin threads 1 s. A primary kills its workers after 35 s. */
const DEADLINE_MS = 40_000;

const SIGNALS = { SIGTERM: 143, SIGINT: 130 } as const;

/** Returns the function that removes the listeners. */
export function onStopSignals(signals: StopSignals): () => void {
  const { stop, log, exit = (code) => process.exit(code), deadlineMs = DEADLINE_MS } = signals;
  let stopping = false;
  let deadline: NodeJS.Timeout | undefined;
  const received = (signal: keyof typeof SIGNALS): void => {
    if (stopping) {
      exit(SIGNALS[signal]);
      return;
    }
    stopping = true;
    log.info({ signal }, 'stopping: requests in flight may finish');
    deadline = setTimeout(() => {
      log.error({ signal, deadlineMs }, 'stopping takes too long: the process ends now');
      exit(2);
    }, deadlineMs);
    stop().then(
      () => {
        clearTimeout(deadline);
        exit(0);
      },
      (error: unknown) => {
        clearTimeout(deadline);
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
  return () => {
    clearTimeout(deadline);
    listeners.forEach((off) => off());
  };
}
