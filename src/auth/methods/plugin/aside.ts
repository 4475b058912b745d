/** Replaces a plugin in an explanation: a plugin may have effects, so it does not run. */
import { Strategy } from 'passport-strategy';
import { notEvaluated } from '../../aside.js';
import type { MethodStrategy } from '../../method.js';
import { UnavailableError } from '../../outcome.js';

export class PluginAside extends Strategy implements MethodStrategy {
  readonly ready = Promise.resolve();

  constructor(readonly name: string) {
    super();
  }

  override authenticate(): void {
    const message = `the plugin ${this.name} decides, and no plugin runs for an explanation`;
    this.error(new UnavailableError(notEvaluated('plugin', 'plugin_unavailable', message)));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
