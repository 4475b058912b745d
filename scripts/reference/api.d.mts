import type { Declaration, Program } from 'typescript';

export interface Documented {
  readonly name: string;
  readonly words: string;
  readonly params: readonly string[];
  readonly returns: readonly string[];
  readonly throws: readonly string[];
  readonly examples: readonly string[];
}
export interface Exported extends Documented {
  readonly kind: 'function' | 'class' | 'type';
  readonly declaration: Declaration;
  readonly members: readonly Documented[];
}
export function apiPage(program: Program, root: string): string;
export function exportsOf(program: Program, root: string): readonly Exported[];
