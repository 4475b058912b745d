/** A mapping whose keys are its own options and the names of methods: made once for the same names, since zod compiles what it makes. */
import { z } from 'zod';

/** A reader of such mappings; it remembers the last names alone, which are those of the file that is read. */
export function namedKeys<Shape extends z.ZodRawShape>(shape: Shape): (names: readonly string[]) => z.ZodType {
  let last: { readonly key: string; readonly schema: z.ZodType } | undefined;
  return (names) => {
    const key = JSON.stringify(names);
    if (last?.key !== key) {
      const others = Object.fromEntries(names.map((each) => [each, z.unknown().optional()]));
      last = { key, schema: z.strictObject({ ...others, ...shape }) };
    }
    return last.schema;
  };
}
