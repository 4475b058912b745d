/** How a word comes out wrong: letters lost, doubled, swapped, foreign, unseen, in another case. */

/** `core`: one slip of each kind; `every`: at every letter, with every character we could think of. */
export type Breadth = 'core' | 'every';

const LOOKALIKES: Readonly<Record<string, string>> = {
  ...{
    a: '\u0430',
    c: '\u0441',
    e: '\u0435',
    h: '\u04bb',
    i: '\u0456',
    j: '\u0458',
    k: '\u03ba',
    l: '\u04cf',
    m: '\uff4d',
  },
  ...{
    n: '\u0578',
    o: '\u043e',
    p: '\u0440',
    q: '\u051b',
    r: '\u1d26',
    s: '\u0455',
    t: '\u1d1b',
    u: '\u03c5',
    w: '\u051d',
  },
  ...{
    x: '\u0445',
    y: '\u0443',
    _: '\uff3f',
    '-': '\u2010',
    '/': '\u2215',
    '*': '\u2217',
    ':': '\uff1a',
    '.': '\u2024',
  },
};
/** Nothing to see, or a space that is none. */
const UNSEEN = [
  '\u00a0',
  '\u200b',
  '\u00ad',
  '\ufeff',
  '\u2060',
  '\u3000',
  '\u202e',
  '\u0301',
  '\t',
  '\0',
  '\u0085',
  '\u2028',
];
const INSERTED = ['x', ' ', '.', '-', '_', '#', ' #', ', ', '"', "'", '!', '&', '$', '%'];

/** The word with one slip, and what the slip is. */
export function* respelt(word: string, breadth: Breadth): Generator<readonly [slip: string, word: string]> {
  const middle = word.length >> 1;
  const all = Array.from({ length: word.length }, (_, i) => i);
  const at = breadth === 'every' ? all : [middle];
  for (const i of at) yield [`without letter ${i}`, word.slice(0, i) + word.slice(i + 1)];
  for (const i of at) yield [`with letter ${i} twice`, word.slice(0, i + 1) + word.slice(i)];
  for (const i of at) {
    const [one = '', two = ''] = word.slice(i, i + 2);
    if (one !== two && two !== '')
      yield [`with ${i} and ${i + 1} swapped`, word.slice(0, i) + two + one + word.slice(i + 2)];
  }
  const foreign = all.filter((i) => (word[i] ?? '') in LOOKALIKES);
  for (const i of breadth === 'every' ? foreign : foreign.slice(-1)) {
    yield [`with ${i} foreign`, word.slice(0, i) + LOOKALIKES[word[i] as string] + word.slice(i + 1)];
  }
  for (const i of breadth === 'every' ? [0, middle, word.length] : [middle]) {
    const characters = breadth === 'every' ? [...UNSEEN, ...INSERTED] : ['\u00a0', 'x'];
    for (const put of characters) yield [`with ${JSON.stringify(put)} at ${i}`, word.slice(0, i) + put + word.slice(i)];
  }
}

export function* recased(word: string, breadth: Breadth): Generator<readonly [slip: string, word: string]> {
  const camel = word.replace(/[_-](.)/g, (_all, letter: string) => letter.toUpperCase());
  const others = {
    upper: word.toUpperCase(),
    lower: word.toLowerCase(),
    capital: word.slice(0, 1).toUpperCase() + word.slice(1),
    camel,
    kebab: word.replaceAll('_', '-'),
    snake: word.replaceAll('-', '_'),
    joined: word.replace(/[_-]/g, ''),
    spaced: word.replace(/[_-]/g, ' '),
    fullwidth: word.replace(/[a-z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0)),
    plural: `${word}s`,
  };
  const some = breadth === 'every' ? Object.entries(others) : [['upper', others.upper] as const];
  for (const [slip, other] of some) if (other !== word) yield [`in ${slip}`, other];
}
