/** A WASM plugin as an auth method. */
import { z } from 'zod';
import type { HeaderRule } from '../../header-rule.js';
import type { Method } from '../../method.js';
import { UNKNOWN_TRAITS } from '../../method-traits.js';
import { findingsOf } from '../plugin-findings.js';
import { PluginAside } from './aside.js';
import { pluginOptions, type PluginOptions } from './options.js';
import { challengeOf, needsNoIdentity, placesOf, PluginStrategy } from './strategy.js';
import { pluginSummary } from './summary.js';

function headersOf({ identity_headers }: PluginOptions): readonly HeaderRule[] {
  return identity_headers.map((header) => ({ header, claim: header.toLowerCase() }));
}

export const plugin: Method<PluginOptions> = {
  name: 'plugin',
  title: 'WASM plugin',
  ...UNKNOWN_TRAITS,
  options: pluginOptions,
  narrowing: z.strictObject({}),
  files: {},
  findings: findingsOf,
  unknownNames: () => [],
  places: placesOf,
  headers: headersOf,
  needsNoIdentity,
  forwardsCredential: ({ strip_credentials }) => !strip_credentials,
  challenge: challengeOf,
  summary: pluginSummary,
  voucher: (options) => options,
  judge: () => undefined,
  compile: (options, deps) => (deps.aside ? new PluginAside(options, deps) : new PluginStrategy(options, deps)),
};
