/** Judges described requests for an explanation: a plugin runs only where it cannot have an effect. */
import type { IncomingMessage } from 'node:http';
import { Strategy } from 'passport-strategy';
import { hasBody } from '../../../http/request-body.js';
import { notEvaluated } from '../../aside.js';
import type { MethodDeps, MethodStrategy } from '../../method.js';
import { UnavailableError } from '../../outcome.js';
import type { RunOptions } from '../../strategy-runner.js';
import type { PluginOptions } from './options.js';
import { PluginStrategy } from './strategy.js';

export class PluginAside extends Strategy implements MethodStrategy {
  readonly ready = Promise.resolve();
  readonly name: string;
  /** An object, because each run inherits from the strategy and would set a field of its own. */
  private readonly instances: { started?: PluginStrategy } = {};

  constructor(
    private readonly options: PluginOptions,
    private readonly deps: MethodDeps,
  ) {
    super();
    this.name = options.name;
  }

  override authenticate(request: IncomingMessage, options?: RunOptions): void {
    const hindrance = this.hindrance(request);
    if (hindrance !== undefined)
      return this.error(new UnavailableError(notEvaluated('plugin', 'plugin_unavailable', hindrance)));
    // Most explanations need no plugin, so a plugin starts with the first one that does.
    const strategy = (this.instances.started ??= new PluginStrategy(this.options, this.deps));
    strategy.ready.then(
      () => this.delegated(strategy).authenticate(request, options),
      (cause: Error) => this.error(new UnavailableError({ kind: 'unavailable', reason: 'plugin_unavailable', cause })),
    );
  }

  async close(): Promise<void> {
    await this.instances.started?.close();
  }

  /** A run of the strategy whose outcome is the outcome of this run. */
  private delegated(strategy: PluginStrategy): PluginStrategy {
    return Object.assign(Object.create(strategy) as PluginStrategy, {
      success: (user: unknown) => this.success(user as object),
      fail: (challenge: unknown, status: number) => this.fail(challenge, status),
      error: (cause: Error) => this.error(cause),
    });
  }

  /** Why the plugin must not run. */
  private hindrance(request: IncomingMessage): string | undefined {
    const { name, phase, upstreams } = this.options;
    const { aside } = this.deps;
    if (!aside?.runsPlugins)
      return `the plugin ${name} decides, and a running gateway runs no plugin for an explanation`;
    if (upstreams.length > 0 && !aside.online)
      return `the plugin ${name} may call upstreams, and an explanation that is not online calls none`;
    if (phase === 'on_request_body' && hasBody(request))
      return `the plugin ${name} reads the body, and an explanation has no body`;
    return undefined;
  }
}
