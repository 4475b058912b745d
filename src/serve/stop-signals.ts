/** Turns SIGTERM and SIGINT into one graceful stop. A second signal ends its delay, a further one the process. */
import type { PlannedShutdown } from '../config/plan-types.js';
import type { Log } from '../lib/types.js';
import type { StopOptions } from './gatekeeper.js';

export interface StopSignals {
  readonly stop: (options: Pick<StopOptions, 'delay'>) => Promise<void>;
  /** Returns the times of a stop, as the file says now. */
  readonly shutdown: () => PlannedShutdown;
  readonly log: Log;
  /** Ends the process. Tests inject a replacement. */
  readonly exit?: (code: number) => void;
  /** How much longer than its times a stop may take. */
  readonly marginMs?: number;
}

/** Plugin threads have 1 s. A primary kills its workers 5 s after the times of the stop. */
export const MARGIN_MS = 10_000;

const SIGNALS = { SIGTERM: 143, SIGINT: 130 } as const;

type Signal = keyof typeof SIGNALS;

/** Returns the function that removes the listeners. */
export function onStopSignals(signals: StopSignals): () => void {
  const stop = new Stop(signals);
  return () => stop.forget();
}

class Stop {
  /** When the ports close. Undefined: no stop has begun. */
  #closesAt: number | undefined;
  #deadline: NodeJS.Timeout | undefined;
  readonly #exit: (code: number) => void;
  readonly #listeners: readonly (readonly [Signal, () => void])[];

  constructor(private readonly signals: StopSignals) {
    this.#exit = signals.exit ?? ((code) => process.exit(code));
    this.#listeners = (Object.keys(SIGNALS) as Signal[]).map((signal) => [signal, () => this.#received(signal)]);
    for (const [signal, listener] of this.#listeners) process.on(signal, listener);
  }

  forget(): void {
    clearTimeout(this.#deadline);
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
  }

  #received(signal: Signal): void {
    const { log, shutdown } = this.signals;
    if (this.#closesAt === undefined) {
      const delay = signal === 'SIGTERM' ? shutdown().delayMs : 0;
      log.info({ signal, delayMs: delay }, 'stopping: requests in flight may finish');
      this.#begin(signal, delay);
    } else if (performance.now() < this.#closesAt) {
      log.info({ signal }, 'stopping without the rest of the delay');
      this.#begin(signal, 0);
    } else this.#exit(SIGNALS[signal]);
  }

  #begin(signal: Signal, delay: number): void {
    const { stop, log, shutdown, marginMs = MARGIN_MS } = this.signals;
    this.#closesAt = performance.now() + delay;
    const deadlineMs = delay + shutdown().timeoutMs + marginMs;
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      log.error({ signal, deadlineMs }, 'stopping takes too long: the process ends now');
      this.#exit(2);
    }, deadlineMs);
    stop({ delay }).then(
      () => this.#ended(0),
      (error: unknown) => {
        log.error({ err: error }, 'stopping failed');
        this.#ended(2);
      },
    );
  }

  #ended(code: number): void {
    clearTimeout(this.#deadline);
    this.#exit(code);
  }
}
