export interface ReferenceData {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly titles: Readonly<Record<string, string>>;
  readonly statuses: Readonly<Record<string, readonly number[]>>;
  readonly reasons: Readonly<Record<string, string>>;
  readonly diagnostics: Readonly<Record<string, object>>;
  readonly rules: Readonly<Record<string, object>>;
  readonly checkOnly: readonly string[];
  readonly metrics: Readonly<Record<string, object>>;
  readonly events: Readonly<Record<string, string>>;
  readonly accessFields: Readonly<Record<string, string>>;
  readonly help: readonly { readonly command: string; readonly text: string }[];
  readonly logLines: readonly object[];
  readonly api: string;
}
export function referencePages(data: ReferenceData): Readonly<Record<string, string>>;
