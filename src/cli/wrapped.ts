/** Breaks a text into lines of a width, between words. A word that is too long is cut. */

export function wrapped(text: string, width: number): readonly string[] {
  const least = Math.max(20, width);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/[\n ]+/).flatMap((each) => piecesOf(each, least))) {
    if (line !== '' && line.length + 1 + word.length > least) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function piecesOf(word: string, width: number): readonly string[] {
  return word.match(new RegExp(`.{1,${width}}`, 'gs')) ?? [];
}
