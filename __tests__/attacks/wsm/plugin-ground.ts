/**
 * A harness with plugins. Each has a route on a worker thread (`/name/x`) and one on the gateway's own thread
 * (`/name-inline/x`).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground, type GroundOptions } from '../../support/attack-ground.js';
import { valuesOf } from '../../support/messages.js';
import { i32, made, PAUSE, type Kit } from '../../support/wat-plugin.js';
import type { Parts } from '../../support/wat.js';

export const ISOLATIONS = [
  ['on a thread', ''],
  ["on the gateway's own", '-inline'],
] as const;

export interface Given {
  readonly build: (kit: Kit) => Parts;
  /** Options of its block, in flow style. */
  readonly options?: string;
  /** Only one isolation, if the other makes no difference. */
  readonly isolation?: 'worker' | 'inline';
}

const folders: string[] = [];

/** The path of a module in its own folder. */
export function moduleFile(bytes: Uint8Array | string): string {
  const folder = mkdtempSync(join(tmpdir(), 'loom-plugin-'));
  folders.push(folder);
  const path = join(folder, 'plugin.wasm');
  writeFileSync(path, bytes);
  return path;
}

/** For `afterAll`. */
export async function closePlugins(): Promise<void> {
  try {
    await closeGrounds();
  } finally {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  }
}

/** Long for a busy machine, short for a test that waits for a loop. */
const TIMES = 'timeout: 1s, pause_timeout: 1500ms';

export async function openPlugins(plugins: Readonly<Record<string, Given>>, more: GroundOptions = {}): Promise<Ground> {
  const blocks: string[] = [];
  const routes: string[] = [];
  for (const [name, { build, options = TIMES, isolation }] of Object.entries(plugins)) {
    const path = moduleFile(await made(build));
    const throttle = options.includes('throttle:') ? '' : 'throttle: false, ';
    for (const each of ['worker', 'inline'] as const) {
      if (isolation !== undefined && isolation !== each) continue;
      const full = each === 'inline' ? `${name}-inline` : name;
      blocks.push(`  - { name: ${full}, path: "${path}", isolation: ${each}, ${throttle}${options} }`);
      routes.push(`  - { id: ${full}, path: /${full}/*, upstream: backend, auth: { ${full}: true } }`);
    }
  }
  return openGround({
    ...more,
    routes: [...routes, more.routes ?? ''].join('\n'),
    top: ['plugins:', ...blocks, more.top ?? ''].join('\n'),
  });
}

/** The status, and the identity that the upstream received. Without a request the list is empty. */
export async function outcomeOf(ground: Ground, target: string, ...lines: readonly string[]) {
  const answer = await ground.send(get(target, ...lines));
  const arrived = ground.arrived();
  const users = arrived.map((message) => valuesOf(message, 'x-authenticated-user').join('|'));
  return { status: statusOf(answer), users, answer, arrived };
}

export async function expectRefused(ground: Ground, status: number, target: string, ...lines: readonly string[]) {
  const found = await outcomeOf(ground, target, ...lines);
  expect({ status: found.status, users: found.users }).toEqual({ status, users: [] });
  return found.answer;
}

export async function expectGranted(ground: Ground, who: string, target: string, ...lines: readonly string[]) {
  const found = await outcomeOf(ground, target, ...lines);
  expect({ status: found.status, users: found.users }).toEqual({ status: 200, users: [who] });
  const [message] = found.arrived;
  if (!message) throw new Error('nothing arrived');
  return message;
}

/** 403 if the host returned exactly this status, otherwise 409. */
export const expecting = (kit: Kit, status: number, call: string): string =>
  `(if (i32.eq ${call} ${i32(status)}) (then ${kit.respond(403)}) (else ${kit.respond(409)})) (return ${PAUSE})`;
