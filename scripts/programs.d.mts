export const PROGRAMS: Readonly<Record<string, { readonly package: string; readonly names?: readonly string[] }>>;
export function findProgram(name: string): string | undefined;
export function programsOf(path: string): readonly string[];
export function missingPrograms(path: string): readonly string[];
