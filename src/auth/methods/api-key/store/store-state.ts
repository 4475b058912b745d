/** What is known of a key store: whether it answers, and whether its notices arrive. Reports both to log and metrics. */
import { throttleLog } from '../../../../lib/log-throttle.js';
import type { Log } from '../../../../lib/types.js';
import type { CredentialStoreStatus, MethodDeps } from '../../../method.js';

export class StoreState {
  #answers = true;
  #notices = false;
  #failure: Error = new Error('the key store was not asked');
  readonly #log: Log;

  constructor(private readonly deps: MethodDeps) {
    this.#log = throttleLog(deps.log, deps.now);
    this.#measure();
  }

  get hasNotices(): boolean {
    return this.#notices;
  }

  /** The last failure of the store. */
  get failure(): Error {
    return this.#failure;
  }

  get status(): CredentialStoreStatus {
    const isFine = this.#answers && this.#notices;
    return { answers: this.#answers, notices: this.#notices, ...(!isFine && { fault: this.#failure.message }) };
  }

  failed(cause: unknown): Error {
    this.#failure = cause instanceof Error ? cause : new Error('the key store failed');
    this.#answers = false;
    this.#measure();
    this.#log.error({ event: 'key_store', fault: this.#failure.message }, 'the key store does not answer');
    return this.#failure;
  }

  answered(): void {
    if (this.#answers) return;
    this.#answers = true;
    this.#measure();
    this.deps.log.info({ event: 'key_store' }, 'the key store answers again');
  }

  lostNotices(cause: Error): void {
    if (this.#answers) this.#failure = cause;
    this.#notices = false;
    this.#measure();
    const facts = { event: 'key_store', fault: cause.message };
    this.#log.warn(facts, 'notices of changed keys do not arrive: a cached key counts for one second');
  }

  foundNotices(): void {
    this.#notices = true;
    this.#measure();
  }

  /** Reports a record that cannot be used. Returns undefined, as for an unknown key. */
  refuse(cause: 'malformed' | 'name_of_file', id: string): undefined {
    this.deps.metrics?.count('loom_key_records_refused_total', { cause });
    const words = cause === 'malformed' ? 'is malformed' : 'has the name of a key of the file';
    this.#log.error({ event: 'key_store', id: id.slice(0, 64) }, `a record of the key store ${words}, and is refused`);
  }

  #measure(): void {
    this.deps.metrics?.gauge('loom_key_store_up', {}, this.#answers ? 1 : 0);
    this.deps.metrics?.gauge('loom_key_notices_up', {}, this.#notices ? 1 : 0);
  }
}
