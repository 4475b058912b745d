/** The mark of a file: equal as long as the file has the same content. */
import { statSync, type BigIntStats } from 'node:fs';

/** Returns the current mark of a path. Call it before the file is read, so that no change is missed. */
export function markOf(file: string): string {
  try {
    return markFrom(statSync(file, { bigint: true }));
  } catch (error) {
    return absence(error);
  }
}

/** A rewritten file has another time or size. A replacement file has another inode number. */
export function markFrom({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

export function absence(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unreadable';
}
