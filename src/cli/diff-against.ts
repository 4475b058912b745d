/** Compares a file with the configuration that a running gateway uses. The gateway compares, and shows no secret. */
import type { AccessChange } from '../routing/access-changes.js';
import { comparableOf, concealOnce, type PlanOf } from '../difference/comparable.js';
import type { PlanDifference } from '../difference/differences.js';
import type { Difference } from '../difference/compare-trees.js';
import { agreedKey, newHalf } from '../difference/key-agreement.js';
import { askGateway, operatorToken, TOKEN } from './admin-client.js';
import { InputError } from './secret-input.js';
import type { Terminal } from './terminal.js';

export interface GatewayDifference extends PlanDifference {
  /** What the operator should know of the processes of the gateway. */
  readonly notes: readonly string[];
}

const PATH = '/diff';
const OPTION = '--against';

/** @throws {InputError} The gateway does not answer, or refuses. */
export async function diffAgainst(admin: string, next: PlanOf, terminal: Terminal): Promise<GatewayDifference> {
  // Standard input has the token once, and there are two requests.
  const known = { ...terminal, env: { ...terminal.env, [TOKEN]: await operatorToken(terminal) } };
  const { offer, key } = offerIn(await askGateway(admin, { path: PATH, option: OPTION }, known));
  const half = newHalf();
  const plan = comparableOf(next, concealOnce(sharedKey(half, key)));
  const body = { offer, key: half.publicText, plan };
  return answerIn(await askGateway(admin, { path: PATH, body, option: OPTION }, known));
}

function offerIn(answer: unknown): { readonly offer: string; readonly key: string } {
  const { offer, key } = (answer ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof offer !== 'string' || typeof key !== 'string') throw notUnderstood();
  return { offer, key };
}

function sharedKey(half: ReturnType<typeof newHalf>, key: string): Uint8Array {
  try {
    return agreedKey(half, key);
  } catch {
    throw notUnderstood();
  }
}

function answerIn(answer: unknown): GatewayDifference {
  const { changes, differences, agree, others, missing } = (answer ?? {}) as Readonly<Record<string, unknown>>;
  if (!Array.isArray(changes) || !Array.isArray(differences)) throw notUnderstood();
  const notes = agree === true ? [] : notesOf(others, missing);
  return { changes: changes as AccessChange[], differences: differences as Difference[], notes };
}

function notesOf(others: unknown, missing: unknown): readonly string[] {
  const generations = (Array.isArray(others) ? others : []).map((each: { worker?: number; generation?: number }) => {
    return `worker ${each.worker ?? '?'} uses generation ${each.generation ?? '?'}`;
  });
  const silent = (Array.isArray(missing) ? missing : []).map((name) => `${String(name)} did not answer`);
  return ['the processes of the gateway may use different configurations', ...generations, ...silent];
}

const notUnderstood = (): InputError => new InputError('the admin address gave an answer of another version');
