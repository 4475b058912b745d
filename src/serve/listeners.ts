/** Manages a plan's listeners: opens all or none, applies reloads, and closes without cutting off a response. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PlannedListener } from '../config/plan-types.js';
import type { Prepared } from '../runtime/reload.js';
import { PortError, type Listening } from './gatekeeper.js';
import { Listener, type Handlers, type ListenerDeps } from './listener.js';

export interface Running {
  readonly listening: readonly Listening[];
  /** Reads the files of the next listeners and opens the new ports. Old listeners close at the commit. */
  prepare(next: readonly PlannedListener[]): Promise<Prepared>;
  /** A stop has begun: no reload changes the listeners, and each connection ends after its next response. */
  drain(): void;
  /** Stops accepting. Requests in flight may finish for at most `graceMs`. Upgraded and idle sockets close at once. */
  stop(graceMs: number): Promise<void>;
}

/** The limit for requests on a listener that the file no longer has. */
const GRACE_MS = 30_000;
/** The old server of an address may take a moment to release the port. */
const ATTEMPTS = 40;
const ATTEMPT_MS = 50;

/** Reads every certificate before the first port opens. If one port fails, the other ports are closed again. */
export async function listen(
  listeners: readonly PlannedListener[],
  handlers: Handlers,
  deps: ListenerDeps,
): Promise<Running> {
  const opened = new Listeners(handlers, deps);
  await opened.open(listeners);
  return opened;
}

interface Open {
  readonly listener: Listener;
  readonly listening: Listening;
}

class Listeners implements Running {
  #open: readonly Open[] = [];
  readonly #closing = new Set<Promise<void>>();
  #draining = false;
  #stopped = false;
  /** The number of the commit that defined the listeners. */
  #turn = 0;

  constructor(
    private readonly handlers: Handlers,
    private readonly deps: ListenerDeps,
  ) {}

  get listening(): readonly Listening[] {
    return this.#open.map(({ listening }) => listening);
  }

  async open(planned: readonly PlannedListener[]): Promise<void> {
    this.#open = await this.#bind(this.#read(planned));
  }

  async prepare(next: readonly PlannedListener[]): Promise<Prepared> {
    const steps = next.map((planned) => ({ planned, running: this.#at(planned) }));
    const renewals = steps.flatMap(({ planned, running }) =>
      running?.listener.canGoOnAs(planned) ? [{ running, renew: running.listener.renewed(planned) }] : [],
    );
    const kept = new Set(renewals.map(({ running }) => running));
    const added = this.#read(steps.flatMap(({ planned, running }) => (running ? [] : [planned])));
    const replaced = this.#read(
      steps.flatMap(({ planned, running }) => (running && !kept.has(running) ? [planned] : [])),
    );
    const bound = await this.#bind(added);
    const abandon = (): void => bound.forEach(({ listener }) => void listener.stop(0));
    // A port that opens after the stop would stay open.
    if (this.#draining) {
      abandon();
      throw new Error('the gateway is stopping');
    }
    return {
      commit: () => {
        if (this.#draining) return abandon();
        this.#turn += 1;
        for (const { renew } of renewals) renew();
        const over = this.#open.filter((each) => !kept.has(each));
        this.#open = [...kept, ...bound];
        for (const { listening } of bound) this.#tell(listening);
        for (const { listener } of over) this.#close(listener);
        for (const listener of replaced) void this.#takeOver(listener);
      },
      abandon,
    };
  }

  drain(): void {
    this.#draining = true;
    for (const { listener } of this.#open) listener.drain();
  }

  async stop(graceMs: number): Promise<void> {
    this.drain();
    this.#stopped = true;
    await Promise.all([...this.#open.map(({ listener }) => listener.stop(graceMs)), ...this.#closing]);
  }

  #at({ host, port, unix }: PlannedListener): Open | undefined {
    return this.#open.find(
      ({ listener: { planned } }) =>
        planned.host === host && planned.port === port && planned.unix?.path === unix?.path,
    );
  }

  #read(planned: readonly PlannedListener[]): readonly Listener[] {
    return planned.map((each) => new Listener(each, this.handlers, this.deps));
  }

  async #bind(listeners: readonly Listener[]): Promise<readonly Open[]> {
    try {
      return await Promise.all(listeners.map(async (listener) => ({ listener, listening: await listener.bind() })));
    } catch (error) {
      await Promise.all(listeners.map((listener) => listener.stop(0)));
      throw error;
    }
  }

  #close(listener: Listener): void {
    const closing = listener.stop(GRACE_MS).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  /** The same address gets another server. For a moment the port does not accept connections. */
  async #takeOver(listener: Listener): Promise<void> {
    const turn = this.#turn;
    // A later file may have removed or changed this listener.
    const isOver = (): boolean => this.#stopped || this.#turn !== turn;
    for (let attempt = 1; ; attempt++) {
      try {
        const listening = await listener.bind();
        if (isOver()) return await listener.stop(0);
        if (this.#draining) listener.drain();
        this.#open = [...this.#open, { listener, listening }];
        return this.#tell(listening);
      } catch (err) {
        if (isOver()) return;
        if (!(err instanceof PortError) || attempt === ATTEMPTS) {
          this.deps.log.error({ listener: listener.planned.name, err }, 'the listener could not be opened again');
          return;
        }
        await sleep(ATTEMPT_MS);
      }
    }
  }

  #tell({ name: listener, ...where }: Listening): void {
    this.deps.log.info({ listener, ...where }, 'listening');
  }
}
