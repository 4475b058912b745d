/** Generators of request targets: random bytes, and pieces that readers of paths are known to read differently. */
import fc from 'fast-check';

const percent = (byte: number): string => `%${byte.toString(16).padStart(2, '0')}`;

/** Separators, dots, escapes and their look-alikes. */
export const GADGETS: readonly string[] = (
  '/ // /. /./ /../ . .. ... .;/ ..;/ ; ;x=1 \\ \\..\\ # ? ?/ % %2 %zz %00 %09 %0a %0d %20 %20. .%20 + .+ %2e %2E %2e%2e ' +
  '%2e%2e%2f ..%2f %2f %2F %2f%2f %2f.. %5c %5C ..%5c %252e %252f %255c %25%32%65 %25 %3b %23 %3f %3a : %7f %c2%85 ' +
  '%c2%a0 %c2%ad %c0%af %c0%ae %e0%80%af %u002e %u2215 %ef%bc%8e %ef%bc%8e%ef%bc%8e %ef%bc%8f %ef%bc%bc %ef%bc%85 ' +
  '%ef%bc%852e %ef%bc%9b %ef%bc%9f %ef%bc%83 %cd%be %e2%80%a4 %e2%80%a5 %e2%80%a6 %e2%80%8b %e2%80%8d %ef%bb%bf %e3%80%80 ' +
  '%cc%87 ~ @ * $ & %26 | ^ " < > { } [ ] ( ) , = \x00 \x09 \x7f \x80 \xe9 \xff'
).split(' ');

/** Characters that some reader converts to ASCII, by the result. */
const LOOKALIKES: ReadonlyMap<string, readonly string[]> = lookalikes();

function lookalikes(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (let code = 0; code < 0x1_ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const letter = String.fromCodePoint(code);
    const plain = letter.normalize('NFKC').toLowerCase().toUpperCase().toLowerCase().normalize('NFKC');
    if (!/^[a-z0-9./\\;?#%]{1,2}$/.test(plain)) continue;
    const same = found.get(plain);
    if (same) same.push(encodeURIComponent(letter));
    else found.set(plain, [encodeURIComponent(letter)]);
  }
  return found;
}

const codePoint = fc.oneof(
  fc.integer({ min: 0, max: 0x2fff }),
  fc.integer({ min: 0, max: 0xd7ff }),
  fc.integer({ min: 0xe000, max: 0x1_ffff }),
);
const anyCharacter = codePoint.map((code) => encodeURIComponent(String.fromCodePoint(code)));

const spelt = (letter: string): fc.Arbitrary<string> =>
  fc.oneof(
    { arbitrary: fc.constant(letter), weight: 8 },
    fc.constant(letter.toUpperCase()),
    fc.constant(percent(letter.charCodeAt(0))),
    fc.constantFrom(...(LOOKALIKES.get(letter) ?? [letter])),
  );

/** A name unchanged, or in a spelling that some reader converts to it. */
const misspelt = (name: string): fc.Arbitrary<string> =>
  fc
    .tuple(
      ...[...name].map((letter) => (/[a-z]/.test(letter) ? spelt(letter) : fc.constant(encodeURIComponent(letter)))),
    )
    .map((letters) => letters.join(''));

/** Targets made of these paths (decoded, without the first slash) and everything that readers disagree on. */
export function confusing(places: readonly string[]): fc.Arbitrary<string> {
  const gadget = fc.oneof({ arbitrary: fc.constantFrom(...GADGETS), weight: 3 }, anyCharacter);
  const decorated = (name: string): fc.Arbitrary<string> => {
    const wrong = misspelt(name);
    return fc.oneof(
      { arbitrary: fc.constant(encodeURIComponent(name)), weight: 6 },
      { arbitrary: wrong, weight: 4 },
      fc.tuple(wrong, gadget).map(([a, b]) => a + b),
      fc.tuple(gadget, wrong).map(([a, b]) => a + b),
      fc.tuple(wrong, gadget, wrong).map((parts) => parts.join('')),
      fc.tuple(gadget, wrong).map(([a, b]) => `${a}/${b}`),
    );
  };
  const whole = places.map((place) => fc.tuple(...place.split('/').map(decorated)).map((parts) => parts.join('/')));
  const tame = fc.array(fc.oneof({ arbitrary: fc.oneof(...whole), weight: 5 }, gadget), { minLength: 1, maxLength: 3 });
  const names = [...new Set(places.flatMap((place) => place.split('/')))];
  const wild = fc.array(fc.oneof(gadget, ...names.map(misspelt)), { maxLength: 8 });
  const path = fc.oneof(
    { arbitrary: tame.map((parts) => `/${parts.join('/')}`), weight: 3 },
    wild.map((parts) => `/${parts.join('')}`),
  );
  const query = fc.constantFrom('', '', '', '?', '?x=1', '?/../internal');
  return fc.tuple(path, query).map((parts) => parts.join(''));
}

/** Raw bytes, or percent-encoded where necessary, after one of these prefixes. */
export function randomBytes(beginnings: readonly string[]): fc.Arbitrary<string> {
  const bytes = fc.uint8Array({ maxLength: 24 });
  const raw = bytes.map((each) => Buffer.from(each).toString('latin1'));
  const encoded = bytes.map((each) =>
    Array.from(each, (byte) =>
      /[\w/.;\\-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : percent(byte),
    ).join(''),
  );
  const unicode = fc.array(anyCharacter, { maxLength: 8 }).map((parts) => parts.join(''));
  return fc
    .tuple(
      fc.constantFrom('', '/', ...beginnings),
      fc.oneof(raw, encoded, unicode),
      fc.constantFrom('', '/', ...beginnings),
    )
    .map((parts) => parts.join(''));
}
