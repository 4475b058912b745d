/** A strict reader of HTTP/1.1 requests (RFC 9112). Every careful upstream reads its messages in the same way. */

export interface Message {
  readonly method: string;
  readonly target: string;
  /** Unchanged, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** Every byte of the message (latin1). */
  readonly raw: string;
}

/** Bytes that a strict upstream would refuse, or that have two readings. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP\/1\.1$/;

/** The whole messages at the start of the bytes, and the rest. */
export function readMessages(bytes: string): { readonly messages: readonly Message[]; readonly rest: string } {
  const messages: Message[] = [];
  let rest = bytes;
  for (;;) {
    const message = readMessage(rest);
    if (!message) return { messages, rest };
    messages.push(message);
    rest = rest.slice(message.raw.length);
  }
}

function readMessage(bytes: string): Message | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [line = '', ...lines] = bytes.slice(0, end).split('\r\n');
  const [, method, target] = REQUEST_LINE.exec(line) ?? [];
  if (method === undefined || target === undefined) throw new Malformed(`request line ${JSON.stringify(line)}`);
  const fields = lines.map(readField);
  const body = readBody(bytes.slice(end + 4), fields);
  if (!body) return undefined;
  return { method, target, fields, body: body.text, raw: bytes.slice(0, end + 4 + body.length) };
}

function readField(line: string): readonly [string, string] {
  const at = line.indexOf(':');
  const name = line.slice(0, at);
  if (at < 1 || !TOKEN.test(name)) throw new Malformed(`field ${JSON.stringify(line)}`);
  const value = line.slice(at + 1).replace(/^[ \t]+|[ \t]+$/g, '');
  if (/(?![\t\u0080-\u009f])\p{Cc}/u.test(value)) throw new Malformed(`field ${JSON.stringify(line)}`);
  return [name, value];
}

interface Body {
  readonly text: string;
  /** As framed. */
  readonly length: number;
}

function readBody(bytes: string, fields: Message['fields']): Body | undefined {
  const all = (name: string): string[] =>
    fields.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
  const [codings, lengths] = [all('transfer-encoding'), all('content-length')];
  if (codings.length + lengths.length > 1) throw new Malformed('two framings');
  const [coding] = codings;
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') throw new Malformed(`coding ${coding}`);
    return readChunks(bytes);
  }
  const [length = '0'] = lengths;
  if (!/^\d{1,15}$/.test(length)) throw new Malformed(`length ${length}`);
  return bytes.length < Number(length) ? undefined : { text: bytes.slice(0, Number(length)), length: Number(length) };
}

function readChunks(bytes: string): Body | undefined {
  let at = 0;
  let text = '';
  for (;;) {
    const end = bytes.indexOf('\r\n', at);
    if (end === -1) return undefined;
    const size = bytes.slice(at, end);
    if (!/^[0-9a-f]{1,8}$/i.test(size)) throw new Malformed(`chunk size ${JSON.stringify(size)}`);
    const length = Number.parseInt(size, 16);
    const chunk = end + 2;
    if (bytes.length < chunk + length + 2) return undefined;
    // No trailer section: the gateway never sends one.
    if (bytes.slice(chunk + length, chunk + length + 2) !== '\r\n') throw new Malformed('chunk end');
    text += bytes.slice(chunk, chunk + length);
    at = chunk + length + 2;
    if (length === 0) return { text, length: at };
  }
}

/** The values of a field. Names are compared without case. */
export const valuesOf = ({ fields }: Message, name: string): string[] =>
  fields.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value);

/** The fields that an upstream may read as `name`: CGI and similar interfaces treat `_`, `.` and `-` as equal. */
export const lookalikesOf = ({ fields }: Message, name: string): (readonly [string, string])[] =>
  fields.filter(([each]) => folded(each) === folded(name));

const folded = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '-');
