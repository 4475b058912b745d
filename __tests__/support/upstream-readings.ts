/** How upstreams read the path that they receive: the known steps, alone and combined. */

export type Reading = (path: string) => string;

const replaceRuns = (path: string, change: (bytes: Buffer) => string): string =>
  path.replace(/(?:%[0-9a-f]{2})+/gi, (run) => change(Buffer.from(run.replaceAll('%', ''), 'hex')));

const bySegment = (change: (segment: string) => string): Reading => {
  return (path) => path.split('/').map(change).join('/');
};

function resolved(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split('/').slice(1)) {
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
  }
  return `/${kept.join('/')}`;
}

export const STEPS = {
  whatwg: (path) => new URL(`http://h${path}`).pathname,
  resolve: resolved,
  mergeSlashes: (path) => path.replace(/\/+/g, '/'),
  decode: (path) => replaceRuns(path, (bytes) => bytes.toString()),
  decodeLatin1: (path) => replaceRuns(path, (bytes) => bytes.toString('latin1')),
  decodeForm: (path) => replaceRuns(path.replaceAll('+', ' '), (bytes) => bytes.toString()),
  decodeIis: (path) => path.replace(/%u([0-9a-f]{4})/gi, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16))),
  dropParameters: (path) => path.replace(/;[^/]*/g, ''),
  dropLastParameter: (path) => path.replace(/;[^/;]*(?=\/|$)/g, ''),
  dropParameterOfLastSegment: (path) => path.replace(/;[^/]*$/, ''),
  dropQueryOfSegment: (path) => path.replace(/\?[^/]*/g, ''),
  dropFragmentOfSegment: (path) => path.replace(/#[^/]*/g, ''),
  cutParameters: (path) => path.split(';', 1)[0] ?? '',
  cutLastParameter: (path) => path.replace(/;[^;]*$/, ''),
  turnBackslashes: (path) => path.replaceAll('\\', '/'),
  cutQuery: (path) => path.split('?', 1)[0] ?? '',
  cutFragment: (path) => path.split('#', 1)[0] ?? '',
  cutNul: (path) => path.split('\0', 1)[0] ?? '',
  lowerCase: (path) => path.toLowerCase(),
  upperCase: (path) => path.toUpperCase().toLowerCase(),
  nfkc: (path) => path.normalize('NFKC'),
  dropIgnorable: (path) => path.replace(/\p{Default_Ignorable_Code_Point}/gu, ''),
  trim: bySegment((segment) => segment.trim()),
  dropTails: bySegment((segment) => (/^\.{1,2}$/.test(segment) ? segment : segment.replace(/[. ]+$/, ''))),
} satisfies Record<string, Reading>;

export type Step = keyof typeof STEPS;
export const STEP_NAMES = Object.keys(STEPS) as Step[];

/** The steps in this order. Dots are always resolved last, as a file system does. */
export const inOrder =
  (...steps: readonly Step[]): Reading =>
  (path) =>
    resolved(steps.reduce((read, step) => STEPS[step](read), path).replace(/^(?!\/)/, '/'));

/** The readings of servers and frameworks in use. */
export const READINGS: Readonly<Record<string, Reading>> = {
  'the WHATWG URL': inOrder('whatwg', 'decode'),
  'slashes merged': inOrder('decode', 'mergeSlashes'),
  'decoded once': inOrder('decode'),
  'decoded twice': inOrder('decode', 'decode', 'mergeSlashes'),
  'parameters dropped, backslashes turned': inOrder('decode', 'dropParameters', 'turnBackslashes', 'mergeSlashes'),
  'decoded, then split at the query': inOrder('decode', 'cutQuery', 'mergeSlashes'),
  'decoded, then split at the fragment': inOrder('decode', 'cutFragment', 'mergeSlashes'),
  'decoded, then split at the parameters': inOrder('decode', 'cutParameters', 'mergeSlashes'),
  'parameters of the last segment dropped': inOrder('decode', 'dropParameterOfLastSegment', 'mergeSlashes'),
  'split into a URL after decoding, in any case': inOrder(
    'decode',
    'cutFragment',
    'cutQuery',
    'cutParameters',
    'lowerCase',
    'dropTails',
    'mergeSlashes',
  ),
  'in any case': inOrder('decode', 'lowerCase'),
  'in any case, by upper case': inOrder('decode', 'upperCase'),
  'NFKC in any case': inOrder('decode', 'nfkc', 'lowerCase', 'mergeSlashes'),
  'NFKC, then split': inOrder('decode', 'nfkc', 'cutQuery', 'cutFragment', 'dropParameters', 'mergeSlashes'),
  NFKC_Casefold: inOrder('decode', 'dropIgnorable', 'nfkc', 'upperCase', 'nfkc'),
  'NFKC between two decodings': inOrder('decode', 'nfkc', 'decode', 'lowerCase', 'mergeSlashes'),
  'a Windows file name': inOrder('decode', 'turnBackslashes', 'lowerCase', 'dropTails', 'mergeSlashes'),
  'a form': inOrder('decodeForm', 'trim', 'mergeSlashes'),
};
