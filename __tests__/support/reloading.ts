/** Changes the file of a running gateway and waits for the result. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Ground } from './attack-ground.js';
import { until } from './until.js';

const TAKEN = /the configuration was reloaded/g;
const REFUSED = /the reload failed: the old configuration stays in use/g;

export interface Outcomes {
  readonly taken: number;
  readonly refused: number;
}

/** The number of accepted and refused reloads so far, from the log. */
export function outcomes({ output }: Pick<Ground, 'output'>): Outcomes {
  const count = (pattern: RegExp): number => output().match(pattern)?.length ?? 0;
  return { taken: count(TAKEN), refused: count(REFUSED) };
}

/** Runs a function that makes the gateway reload. Resolves when the gateway has accepted or refused the file. */
export async function reloading(ground: Ground, act: () => void): Promise<'taken' | 'refused'> {
  const before = outcomes(ground);
  act();
  let now = before;
  const done = (): boolean => {
    now = outcomes(ground);
    return now.taken + now.refused > before.taken + before.refused;
  };
  await until(done, () => ground.output());
  return now.taken > before.taken ? 'taken' : 'refused';
}

/** Replaces the running file by another, as editors do. */
export function replaceFile(file: string, edit: (text: string) => string): void {
  const next = `${file}.next`;
  writeFileSync(next, edit(readFileSync(file, 'utf8')));
  renameSync(next, file);
}

export const hangUp = ({ pid }: Pick<Ground, 'pid'>): void => void process.kill(pid, 'SIGHUP');
