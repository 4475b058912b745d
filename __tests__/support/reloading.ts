/** Changes the file of a running gateway and waits for what becomes of it. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Ground } from './attack-ground.js';
import { until } from './until.js';

const TAKEN = /the file was loaded anew/g;
const REFUSED = /the old table stays in force/g;

export interface Outcomes {
  readonly taken: number;
  readonly refused: number;
}

/** How many reloads were taken and refused so far, by the log. */
export function outcomes({ output }: Pick<Ground, 'output'>): Outcomes {
  const count = (pattern: RegExp): number => output().match(pattern)?.length ?? 0;
  return { taken: count(TAKEN), refused: count(REFUSED) };
}

/** Does something that makes the gateway reload, and resolves when it has taken or refused the file. */
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

/** Puts another file in the place of the one that runs, as editors do. */
export function replaceFile(file: string, edit: (text: string) => string): void {
  const next = `${file}.next`;
  writeFileSync(next, edit(readFileSync(file, 'utf8')));
  renameSync(next, file);
}

export const hangUp = ({ pid }: Pick<Ground, 'pid'>): void => void process.kill(pid, 'SIGHUP');
