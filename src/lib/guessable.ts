/** Whether people would guess a secret: common words, a repeated part, neighbours in the alphabet or on a keyboard. */

const WORDS = new Set(
  `a access admin an administrator api app application auth authentication bar basic baz bearer change changeit changeme client
   company config default demo dev development do dummy empty enter env example fake foo for gateway guest has hello here hmac
   hs hs256 hs384 hs512 hash id insert internal is it its jwt key keys letmein local localhost login long loom loomauth master me
   minimum my name new none not oauth oauth2 of on only our pass passphrase passwd password placeholder please private prod
   production public pw pwd random really replace replaceme root sample secret secrets secure server service session set
   shared sign signing staging string strong super system temp test tester testing text the this to todo token top
   ultra unsafe update use user username value very welcome with world your`
    .split(/\s+/)
    .filter((word) => word !== ''),
);
const LONGEST_WORD = Math.max(...[...WORDS].map(({ length }) => length));

const ROWS = [
  ...['abcdefghijklmnopqrstuvwxyz', '01234567890123456789', '0123456789abcdef0123456789abcdef'],
  ...['qwertyuiop', 'asdfghjkl', 'zxcvbnm', 'qwertzuiop', 'yxcvbnm', 'azertyuiop', 'qsdfghjklm', 'wxcvbn'],
  ...['1qaz2wsx3edc4rfv5tgb6yhn7ujm', '1q2w3e4r5t6y7u8i9o0p', '!@#$%^&*()'],
];
/** A shorter run may be chance. */
const SHORTEST_RUN = 4;

/** Why the secret can be guessed, in words that do not quote it; undefined if no reason is known. */
export function whyGuessable(secret: string): string | undefined {
  const text = secret.toLowerCase();
  if (isRepeated(text)) return 'repeats one short part';
  if (text.length >= SHORTEST_RUN && withoutRuns(text) === '')
    return 'is a run of neighbours in the alphabet or on a keyboard';
  return isOfWords(text) ? 'is made of common words' : undefined;
}

const LONGEST_PART = 4;

function isRepeated(text: string): boolean {
  if (text.length < SHORTEST_RUN) return text.length > 0 && new Set(text).size === 1;
  const longest = Math.min(LONGEST_PART, Math.floor(text.length / 3));
  for (let length = 1; length <= longest; length++) {
    const part = text.slice(0, length);
    if (part.repeat(Math.ceil(text.length / length)).startsWith(text)) return true;
  }
  return false;
}

const reversed = (text: string): string => [...text].reverse().join('');
const LINES = ROWS.flatMap((row) => [row, reversed(row)]);
/** An import may have a million keys, and most places of a random key begin no run. */
const STARTS: ReadonlySet<string> = new Set(
  LINES.flatMap((line) =>
    Array.from({ length: line.length - SHORTEST_RUN + 1 }, (_, at) => line.slice(at, at + SHORTEST_RUN)),
  ),
);

/** The text without its runs of neighbours. */
function withoutRuns(text: string): string {
  let rest = '';
  for (let at = 0; at < text.length;) {
    const isRun = STARTS.has(text.slice(at, at + SHORTEST_RUN));
    if (!isRun) rest += text[at];
    at += isRun ? Math.max(...LINES.map((line) => runLength(text, at, line))) : 1;
  }
  return rest;
}

function runLength(text: string, at: number, line: string): number {
  let length = 0;
  while (at + length < text.length && line.includes(text.slice(at, at + length + 1))) length++;
  return length;
}

const SPELLED: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
};

/** Digits and marks between the words make a guess longer by little. */
const MOST_OTHERS = 4;

function isOfWords(text: string): boolean {
  const spelled = text.replace(/[013457@$]/g, (each) => SPELLED[each] ?? each);
  return [withoutRuns(text), spelled].some((each) => {
    const letters = each.match(/[a-z]+/g) ?? [];
    const others = each
      .replace(/[a-z]/g, '')
      .replace(/[^0-9]+/g, '')
      .replace(/(?:19|20)\d\d/g, '');
    return letters.length > 0 && others.length <= MOST_OTHERS && letters.every(isChainOfWords);
  });
}

/** Whether a text of letters is one word after another. */
function isChainOfWords(letters: string): boolean {
  const reached = new Set([0]);
  for (let at = 0; at < letters.length; at++) {
    if (!reached.has(at)) continue;
    for (let length = 1; length <= LONGEST_WORD; length++)
      if (WORDS.has(letters.slice(at, at + length))) reached.add(at + length);
  }
  return reached.has(letters.length);
}
