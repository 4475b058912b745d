/** Opens the Unix socket of a server: in place of the socket of a process that has ended, and never for more users. */
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, linkSync, lstatSync, renameSync, unlinkSync, type BigIntStats } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';

export interface UnixSocket {
  readonly path: string;
  readonly mode: number;
}

/** The permissions of a socket while it is created: the owner alone. */
const PRIVATE = 0o600;
/** The permissions that `umask` takes away from a socket that is created. */
export const PRIVATE_UMASK = 0o777 & ~PRIVATE;

/**
 * Returns the mark of the socket for `keepOthers`. Rejects with the error of the system, or with `EEXIST` for a file that
 * is no socket of this user.
 */
export async function listenOnPath(server: Server, socket: UnixSocket): Promise<string> {
  try {
    await listen(server, socket.path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // libuv reports a folder that does not exist as EACCES.
    if (code === 'EACCES' && !existsSync(dirname(socket.path))) throw Object.assign(error as Error, { code: 'ENOENT' });
    if (code !== 'EADDRINUSE') throw error;
    await removeStale(socket.path, error as NodeJS.ErrnoException);
    await listen(server, socket.path);
  }
  widen(socket);
  return markOf(socket.path);
}

/**
 * Keeps the file at the path while `close` closes a server, if the file is not the socket of this server. libuv removes the
 * path by its name, and another process may have its socket there by now.
 */
export function keepOthers<T>({ path, mark, close }: { path: string; mark: string; close: () => T }): T {
  const now = markOf(path);
  if (now === '' || now === mark) return close();
  const aside = `${path}.${randomUUID()}`;
  try {
    linkSync(path, aside);
  } catch {
    // The system allows no second name for the file of another user.
    return close();
  }
  try {
    return close();
  } finally {
    renameSync(aside, path);
  }
}

/** Empty if there is no file. No other file gets the inode number while the socket is open. */
function markOf(path: string): string {
  const found = statOf(path);
  return found ? `${found.dev}:${found.ino}` : '';
}

function widen({ path, mode }: UnixSocket): void {
  try {
    chmodSync(path, mode);
  } catch (error) {
    // A worker may share a socket whose file an operator has removed. Its established use goes on.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Node creates the socket in this call. In a worker the primary does, which has this `umask` always. */
async function listen(server: Server, path: string): Promise<void> {
  const listening = once(server, 'listening');
  const umask = process.umask(PRIVATE_UMASK);
  try {
    server.listen({ path });
  } finally {
    process.umask(umask);
  }
  await listening;
}

/** Removes a socket on which no process answers. Throws for anything else at the path. */
async function removeStale(path: string, inUse: NodeJS.ErrnoException): Promise<void> {
  const found = statOf(path);
  // The last owner has removed the socket meanwhile.
  if (!found) return;
  if (!found.isSocket() || found.uid !== BigInt(process.geteuid?.() ?? 0))
    throw Object.assign(inUse, { code: 'EEXIST' });
  if ((await answerOf(path)) !== 'ECONNREFUSED') throw inUse;
  const now = statOf(path);
  // Another worker may have replaced the socket while this one asked.
  if (now && now.ino === found.ino && now.ctimeNs === found.ctimeNs) unlinkSync(path);
}

const statOf = (path: string): BigIntStats | undefined => lstatSync(path, { bigint: true, throwIfNoEntry: false });

/** Returns undefined if a process answers, otherwise the code of the error. */
function answerOf(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(undefined);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
  });
}
