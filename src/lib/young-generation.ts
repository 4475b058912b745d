/**
 * Keeps the young generation of the heap small while a gateway starts. V8 doubles it while much of what is new stays in
 * use, as modules do. An idle gateway would keep this memory.
 */
import { setFlagsFromString } from 'node:v8';

export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** From now on V8 decides again: under load a larger young generation takes less CPU time. */
export function letYoungGenerationGrow(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
}
