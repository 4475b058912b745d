/** The `curl` lines of the documentation, asked without curl. */
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';

export interface CurlAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** The words of a shell line; quotes and `$NAME` as a shell reads them, nothing else. */
export function shellWords(line: string, env: Readonly<Record<string, string | undefined>>): string[] {
  const words: string[] = [];
  for (const [whole] of line.matchAll(/(?:[^\s'"]|'[^']*'|"(?:[^"\\]|\\.)*")+/g)) {
    const word = whole.replace(
      /'([^']*)'|"((?:[^"\\]|\\.)*)"|([^'"]+)/g,
      (_all, single?: string, double?: string, bare?: string) => {
        if (single !== undefined) return single;
        return (double ?? bare ?? '')
          .replace(/\$\{?(\w+)\}?/g, (_name, name: string) => env[name] ?? `$${name}`)
          .replace(/\\(.)/g, '$1');
      },
    );
    words.push(word);
  }
  return words;
}

const WITH_VALUE = ['-H', '-u', '-X', '-d', '--data', '--cacert', '--cert', '--key', '-o', '-w'];

/** Asks what the line asks; certificates are files of `folder`. */
export function curl(
  line: string,
  { folder, env }: { folder: string; env: Readonly<Record<string, string>> },
): Promise<CurlAnswer> {
  const [, ...words] = shellWords(line, env);
  const given = new Map<string, string[]>();
  let url = '';
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (WITH_VALUE.includes(word)) given.set(word, [...(given.get(word) ?? []), words[(at += 1)] ?? '']);
    else if (!word.startsWith('-')) url = word;
  }
  const one = (name: string): string | undefined => given.get(name)?.[0];
  const file = (name: string): Buffer | undefined => {
    const path = one(name);
    return path === undefined ? undefined : readFileSync(join(folder, path));
  };
  const headers: Record<string, string[]> = {};
  for (const field of given.get('-H') ?? []) {
    const [name = '', ...rest] = field.split(':');
    headers[name] = [...(headers[name] ?? []), rest.join(':').trim()];
  }
  const user = one('-u');
  if (user !== undefined) headers['Authorization'] = [`Basic ${Buffer.from(user).toString('base64')}`];
  const body = one('-d') ?? one('--data');
  const method = one('-X') ?? (words.includes('-I') ? 'HEAD' : body === undefined ? 'GET' : 'POST');
  const { protocol, port, pathname, search } = new URL(url);
  return new Promise((resolve, reject) => {
    const to = { host: '127.0.0.1', port, path: pathname + search, method, headers, agent: false as const };
    const tls = { ca: file('--cacert'), cert: file('--cert'), key: file('--key'), servername: 'localhost' };
    const outgoing = protocol === 'https:' ? httpsRequest({ ...to, ...tls }) : httpRequest(to);
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      response.on('error', reject);
    });
    outgoing.end(body);
  });
}
