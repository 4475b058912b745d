/** Finds integers that JSON text spells as `42.0`, `1e2` or `-0`: another reader would not take them as the same id. */
import { findClaim } from '../lib/claim-path.js';

/** A number in the JSON text, with its digits as written. */
class Spelled {
  constructor(readonly source: string | undefined) {}
}

const PLAIN = /^(?:0|-?[1-9]\d*)$/;
const MAY_BE_ODD = /-0|\d[.eE]/;

/** The JSON pointers of the numbers in a JSON object that are not written as plain integers. */
export function oddNumbers(text: string): readonly string[] {
  return MAY_BE_ODD.test(text) ? [...oddIn(JSON.parse(text, spelled as never), '')] : [];
}

/** Whether the number at the path of the claims is not one of the odd numbers. */
export function isPlainNumber(
  claims: Readonly<Record<string, unknown>>,
  { path, odd }: { readonly path: string; readonly odd: readonly string[] },
): boolean {
  const found = findClaim(claims, path);
  return odd.every((pointer) => {
    const other = findClaim(claims, pointer);
    return other?.owner !== found?.owner || other?.name !== found?.name;
  });
}

/** V8 passes the source text of a primitive to the reviver as a third argument (TC39 "JSON.parse source text access"). */
function spelled(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' ? new Spelled(context?.source) : value;
}

function* oddIn(value: unknown, pointer: string): Generator<string> {
  if (value instanceof Spelled) {
    if (!PLAIN.test(value.source ?? '')) yield pointer;
  } else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [name, each] of Object.entries(value)) {
      yield* oddIn(each, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
    }
  }
}
