/** Reads a pasted curl command as the request that curl would send. Nothing is executed, and no file is read. */
import { IGNORED_WITH_VALUE, SHORT_OPTIONS, SWITCHES, WITH_EFFECT } from './curl-options.js';
import { InputError } from './secret-input.js';
import { shellWords } from './shell-words.js';
import { CurlRequest, type CurlLine } from './curl-request.js';

const MOST_WORDS = 2_000;

/** @throws {InputError} The text is no curl command, or its request is not known without a file or a shell. */
export function readCurlLine(text: string): CurlLine {
  if (text.includes('\0')) throw new InputError('the pasted command has a NUL character');
  const { words, endedBy } = shellWords(text.trim().replace(/^\$\s+(?=curl\b)/, ''));
  if (words.length > MOST_WORDS) throw new InputError(`the pasted command has more than ${MOST_WORDS} words`);
  const [command, ...args] = words;
  if (command === undefined || !/^(?:.*\/)?curl(?:\.exe)?$/i.test(command))
    throw new InputError('the pasted command must begin with curl');
  const request = new CurlRequest();
  if (endedBy !== undefined && endedBy !== '\n')
    request.notes.push(`The command ends at an unquoted ${endedBy}. The rest was not read.`);
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word.startsWith('--') && word.length > 2) readLong(request, word.slice(2), rest);
    else if (word.startsWith('-') && word.length > 1) readShort(request, word.slice(1), rest);
    else request.addUrl(word);
  }
  return request.finished();
}

function readLong(request: CurlRequest, name: string, rest: string[]): void {
  if (SWITCHES.has(name)) return request.turnOn(name);
  if (!WITH_EFFECT.has(name) && !IGNORED_WITH_VALUE.has(name))
    throw new InputError('the pasted command has an option of curl that explain does not know; remove the option');
  apply(request, name, rest.shift());
}

/** `-sSL` is three options. `-XPOST` is an option with its value. */
function readShort(request: CurlRequest, letters: string, rest: string[]): void {
  for (let at = 0; at < letters.length; at += 1) {
    const letter = letters.charAt(at);
    const name = Object.hasOwn(SHORT_OPTIONS, letter) ? SHORT_OPTIONS[letter] : undefined;
    if (name === undefined)
      throw new InputError(
        `the pasted command has the option -${letter}, which explain does not know; remove the option`,
      );
    if (SWITCHES.has(name)) {
      request.turnOn(name);
      continue;
    }
    const attached = letters.slice(at + 1);
    return apply(request, name, attached === '' ? rest.shift() : attached);
  }
}

function apply(request: CurlRequest, name: string, value: string | undefined): void {
  if (name === 'config') throw new InputError('explain reads no file: replace the option -K by its options');
  if (value === undefined) throw new InputError(`the option ${name} of the pasted command has no value`);
  if (WITH_EFFECT.has(name)) request.set(name, value);
  else if (name === 'cert') request.notes.push('The file of --cert was not read. Give it with --cert of explain.');
  else if (name.startsWith('proxy')) request.notes.push('The proxy of curl is left out. It may change the request.');
}
