export const START: string;
export const END: string;
export function optionTables(schema: Readonly<Record<string, unknown>>): string;
export function withTables(page: string, schema: Readonly<Record<string, unknown>>): string;
