/** The explainers of a running gateway or middleware: one for each snapshot, created when it is first asked. */
import type { Snapshot } from '../snapshot.js';
import type { Now } from '../../lib/types.js';
import { Explainer } from './explainer.js';
import type { Explanation, ExplainOptions } from './explanation.js';

export class Explainers {
  #current: { readonly snapshot: Snapshot; readonly online: boolean; readonly explainer: Explainer } | undefined;

  constructor(private readonly parts: { readonly standalone: boolean; readonly now: Now }) {}

  /** Explains by the plan, the loaded keys and the cached answers of the snapshot. */
  explain(snapshot: Snapshot, request: unknown, { online = false, asker }: ExplainOptions = {}): Promise<Explanation> {
    return this.#explainerOf(snapshot, online).explain(request, asker);
  }

  async close(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    await current?.explainer.close();
  }

  #explainerOf(snapshot: Snapshot, online: boolean): Explainer {
    const current = this.#current;
    if (current?.snapshot === snapshot && current.online === online) return current.explainer;
    const { plan, methods: live } = snapshot;
    const explainer = new Explainer({ ...this.parts, plan, live, online });
    this.#current = { snapshot, online, explainer };
    // A reload has replaced the snapshot. The explanations that run still end.
    void current?.explainer.close();
    return explainer;
  }
}
