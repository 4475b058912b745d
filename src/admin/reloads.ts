/** The page of the last reloads: those of the process that answers, and whether the other processes run the same. */
import type { ReloadRecord, ReloadState } from '../difference/reload-record.js';
import { json, type AdminPage } from './page.js';
import type { WorkerChannel } from './worker-channel.js';

/** A process beside the one that answers. */
export interface OtherProcess extends Pick<ReloadState, 'worker' | 'generation' | 'since'> {
  readonly last?: ReloadRecord['outcome'];
}

export function reloadsPage(channel: WorkerChannel): AdminPage {
  return {
    path: '/reloads',
    role: 'reader',
    methods: ['GET'],
    answer: async () => {
      const { answers, missing } = await channel.ask('reloads', null);
      const [own, ...others] = answers;
      return json(200, { ...own, others: others.map(inShort), missing });
    },
  };
}

export function inShort({ worker, generation, since, reloads: [last] }: ReloadState): OtherProcess {
  const known = { generation, since, ...(last && { last: last.outcome }) };
  return worker === undefined ? known : { worker, ...known };
}
