/** Builds the request of a curl command: curl's own headers, its body options and its changes of the URL. */
import { InputError } from './secret-input.js';

export interface CurlLine {
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: readonly (readonly [string, string])[];
  };
  /** What the explanation does not cover. */
  readonly notes: readonly string[];
}

type Field = readonly [name: string, value: string];

const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';

export class CurlRequest {
  readonly notes: string[] = [];
  readonly #given: Field[] = [];
  /** Names that the command removes with `-H 'Name:'`. */
  readonly #removed = new Set<string>();
  readonly #cookies: string[] = [];
  readonly #query: string[] = [];
  readonly #data: string[] = [];
  readonly #on = new Set<string>();
  #url: string | undefined;
  #target: string | undefined;
  #method: string | undefined;
  #user: string | undefined;
  #bodyType: string | undefined;
  /** A file or a form has an unknown length. */
  #bodyUnknown = false;

  addUrl(url: string): void {
    if (this.#url !== undefined) throw new InputError('the pasted command has several URLs; keep one');
    this.#url = url;
  }

  turnOn(name: string): void {
    this.#on.add(name);
    if (['digest', 'ntlm', 'negotiate', 'anyauth'].includes(name))
      this.notes.push(`--${name} needs several requests. The first one is explained.`);
    if (name.startsWith('netrc')) this.notes.push('The file of --netrc was not read.');
  }

  set(name: string, value: string): void {
    if (name.startsWith('data') || name === 'json') return this.#addData(name, value);
    switch (name) {
      case 'request':
        this.#method = value;
        return;
      case 'url':
        return this.addUrl(value);
      case 'url-query':
        this.#query.push(value.startsWith('+') ? value.slice(1) : value);
        return;
      case 'request-target':
        this.#target = value;
        return;
      case 'header':
        return this.#addHeader(value);
      case 'cookie':
        if (value.includes('=')) this.#cookies.push(value);
        else this.notes.push('The cookie file of -b was not read.');
        return;
      case 'user':
        this.#user = value;
        return;
      case 'oauth2-bearer':
        this.#given.push(['Authorization', `Bearer ${value}`]);
        return;
      case 'user-agent':
        return value === '' ? void this.#removed.add('user-agent') : void this.#given.push(['User-Agent', value]);
      case 'referer':
        this.#given.push(['Referer', value]);
        return;
      case 'range':
        this.#given.push(['Range', `bytes=${value}`]);
        return;
      default:
        this.#bodyUnknown = true;
        this.#method ??= name === 'upload-file' ? 'PUT' : 'POST';
        if (name !== 'upload-file') this.#bodyType = 'multipart/form-data; boundary=explained';
        this.notes.push('The body was not read.');
    }
  }

  finished(): CurlLine {
    const { url, user } = splitUser(this.#urlOrFail());
    if (this.#on.has('get')) this.#query.push(...this.#data.splice(0));
    const credential = this.#user ?? user;
    if (credential !== undefined) this.#addUser(credential);
    const isHead = this.#on.has('head');
    const hasBody = this.#data.length > 0 || this.#bodyUnknown;
    const method = this.#method ?? (isHead ? 'HEAD' : hasBody ? 'POST' : 'GET');
    const whole = withQuery(this.#on.has('path-as-is') ? url : withoutDots(url), this.#query);
    return {
      request: {
        method,
        url: bytesOf(this.#target === undefined ? whole : withTarget(whole, this.#target)),
        headers: this.#headers(),
      },
      notes: this.notes,
    };
  }

  #urlOrFail(): string {
    if (this.#url === undefined || this.#url === '') throw new InputError('the pasted command has no URL');
    return /^[a-z][a-z\d+.-]*:\/\//i.test(this.#url) ? this.#url : `http://${this.#url}`;
  }

  /** `Name:` removes a header of curl, and `Name;` sends an empty header. */
  #addHeader(line: string): void {
    if (line.startsWith('@')) throw new InputError('explain reads no file: replace the @ after -H by the headers');
    const colon = line.indexOf(':');
    if (colon < 0) {
      if (line.endsWith(';')) this.#given.push([line.slice(0, -1).trim(), '']);
      return;
    }
    const name = line.slice(0, colon).trim();
    const value = line.slice(colon + 1).trim();
    if (value === '') this.#removed.add(name.toLowerCase());
    else this.#given.push([name, value]);
  }

  #addData(option: string, value: string): void {
    const isFile = option !== 'data-raw' && (option === 'data-urlencode' ? /^[^=]*@/ : /^@/).test(value);
    if (isFile) {
      this.#bodyUnknown = true;
      this.notes.push('The file of the body was not read.');
    } else this.#data.push(option === 'data-urlencode' ? encoded(value) : value);
    this.#bodyType ??= option === 'json' ? JSON_TYPE : FORM;
    if (option === 'json') this.#on.add('json');
  }

  #addUser(credential: string): void {
    if (!credential.includes(':')) throw new InputError('curl would ask for the password; write -u user:password');
    if (!this.#names().has('authorization'))
      this.#given.push(['Authorization', `Basic ${Buffer.from(credential).toString('base64')}`]);
  }

  #names(): ReadonlySet<string> {
    return new Set([...this.#removed, ...this.#given.map(([name]) => name.toLowerCase())]);
  }

  /** A header of the command replaces curl's own header. */
  #headers(): readonly Field[] {
    const named = this.#names();
    const { length } = Buffer.from(this.#data.join('&'));
    const own: Field[] = [
      ['User-Agent', 'curl'],
      ['Accept', this.#on.has('json') ? JSON_TYPE : '*/*'],
      ...(this.#on.has('compressed') ? [['Accept-Encoding', 'deflate, gzip, br, zstd'] as const] : []),
      ...(this.#cookies.length > 0 ? [['Cookie', this.#cookies.join('; ')] as const] : []),
      ...(this.#bodyType !== undefined && !this.#on.has('get') ? [['Content-Type', this.#bodyType] as const] : []),
      ...(this.#data.length > 0 && !this.#bodyUnknown ? [['Content-Length', String(length)] as const] : []),
    ];
    return [...own.filter(([name]) => !named.has(name.toLowerCase())), ...this.#given].map(([name, value]) => [
      name,
      bytesOf(value),
    ]);
  }
}

/** curl sends the bytes of the terminal, and Node reads each byte as one character. */
const bytesOf = (text: string): string => Buffer.from(text).toString('latin1');

/** `user:password@` of a URL becomes Basic. */
function splitUser(url: string): { readonly url: string; readonly user: string | undefined } {
  const [, scheme = '', user, rest = ''] = /^([a-z][a-z\d+.-]*:\/\/)(?:([^/?#]*)@)?(.*)$/is.exec(url) ?? [];
  return { url: scheme + rest, user: user === undefined ? undefined : decoded(user) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** curl removes `.` and `..` segments (RFC 3986 §5.2.4) before it sends a request. */
function withoutDots(url: string): string {
  const [, start = '', path = '', rest = ''] = /^([^/]*\/\/[^/?#]*)([^?#]*)(.*)$/s.exec(url) ?? [];
  const out: string[] = [];
  const segments = path.split('/').slice(1);
  for (const [at, segment] of segments.entries()) {
    const isLast = at === segments.length - 1;
    if (segment === '..') out.pop();
    if (segment !== '.' && segment !== '..') out.push(segment);
    else if (isLast) out.push('');
  }
  return `${start}/${out.join('/')}${rest}`;
}

function withQuery(url: string, parts: readonly string[]): string {
  const [whole = url] = url.split('#', 1);
  if (parts.length === 0) return whole;
  return `${whole}${whole.includes('?') ? '&' : '?'}${parts.join('&')}`;
}

function withTarget(url: string, target: string): string {
  return `${/^[^/]*\/\/[^/?#]*/.exec(url)?.[0] ?? ''}${target.startsWith('/') ? target : `/${target}`}`;
}

/** `--data-urlencode name=content` encodes the content alone. */
function encoded(value: string): string {
  const equals = value.indexOf('=');
  if (equals < 0) return encodeURIComponent(value);
  const name = value.slice(0, equals);
  return `${name === '' ? '' : `${name}=`}${encodeURIComponent(value.slice(equals + 1))}`;
}
