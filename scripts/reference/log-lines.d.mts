import type { Program } from 'typescript';

export interface LogLine {
  readonly message: string;
  readonly levels: readonly string[];
  readonly fields: readonly string[];
}
export function programOf(root: string): Program;
export function logLines(program: Program, root: string): readonly LogLine[];
