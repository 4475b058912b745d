/** The users of a `basic` block with those of its htpasswd file, and findings about both. */
import { costWarning } from '../bcrypt-cost.js';
import type { Finding } from '../../method.js';
import { readHtpasswd, type HtpasswdFile } from './htpasswd.js';
import { costOf, type BasicOptions, type User } from './options.js';

const read = new WeakMap<object, { readonly own: readonly User[]; readonly file: HtpasswdFile }>();

/** The block with the users of the file behind its own. */
export function withHtpasswd(options: BasicOptions): BasicOptions {
  if (options.htpasswd === undefined) return options;
  const file = readHtpasswd(options.htpasswd);
  const complete = { ...options, users: [...options.users, ...file.users] };
  read.set(complete, { own: options.users, file });
  return complete;
}

export function findingsOf(options: BasicOptions): readonly Finding[] {
  const sources = read.get(options);
  if (sources) return [...usersFindings(sources.own), ...fileFindings(options, sources)];
  return [...usersFindings(options.users), ...absentFindings(options)];
}

function usersFindings(users: readonly User[]): readonly Finding[] {
  const first = new Map<string, number>();
  return users.flatMap(({ username, password_hash }, i): Finding[] => {
    const earlier = first.get(username);
    if (earlier !== undefined)
      return [{ level: 'error', path: ['users', i, 'username'], message: `users[${earlier}] has this name already` }];
    first.set(username, i);
    const message = costWarning(costOf(password_hash));
    if (message === undefined) return [];
    return [{ level: 'warning', rule: 'bcrypt_cost', path: ['users', i, 'password_hash'], message }];
  });
}

function absentFindings({ users, ignore_unsupported }: BasicOptions): readonly Finding[] {
  const fail = (path: string, message: string): Finding => ({ level: 'error', path: [path], message });
  return [
    ...(users.length === 0 ? [fail('users', 'is required where no "htpasswd_file" has the users')] : []),
    ...(ignore_unsupported ? [fail('ignore_unsupported', 'has no effect without "htpasswd_file"; remove it')] : []),
  ];
}

interface Sources {
  readonly own: readonly User[];
  readonly file: HtpasswdFile;
}

const PATH = ['htpasswd_file'];
const CURE = 'make a bcrypt hash with `htpasswd -B`, or set ignore_unsupported: true';

function fileFindings({ ignore_unsupported, htpasswd_file: name }: BasicOptions, { own, file }: Sources): Finding[] {
  const listed = new Set(own.map(({ username }) => username));
  const twice = file.users.filter(({ username }) => listed.has(username));
  const unsupported = ignore_unsupported ? [] : file.unsupported.map(({ message }) => `${message}; ${CURE}`);
  const errors = [
    ...file.faults.map(({ message }) => message),
    ...unsupported,
    ...twice.map(({ username }) => `the user ${JSON.stringify(username)} is in "users" too; keep one of the two`),
  ];
  const isEmpty = file.users.length === 0 && own.length === 0 && errors.length === 0;
  const all = isEmpty ? ['has no user with a bcrypt hash'] : errors;
  return [
    ...bounded(all).map((message): Finding => ({ level: 'error', path: PATH, message: `${name ?? ''}: ${message}` })),
    ...costFindings(file.users, name),
  ];
}

/** Other users of one cost are one finding: a file may have thousands. */
function costFindings(users: readonly User[], name = ''): readonly Finding[] {
  const byCost = new Map<number, User[]>();
  for (const user of users) {
    const cost = costOf(user.password_hash);
    byCost.set(cost, [...(byCost.get(cost) ?? []), user]);
  }
  return [...byCost].flatMap(([cost, [first, ...others]]): Finding[] => {
    const warning = costWarning(cost);
    if (warning === undefined || !first) return [];
    const more = others.length > 0 ? ` and ${others.length} more` : '';
    const message = `${name}: ${JSON.stringify(first.username)}${more}: ${warning}`;
    return [{ level: 'warning', rule: 'bcrypt_cost', path: PATH, message }];
  });
}

const MOST_ERRORS = 20;

function bounded(messages: readonly string[]): readonly string[] {
  if (messages.length <= MOST_ERRORS) return messages;
  return [...messages.slice(0, MOST_ERRORS), `has ${messages.length - MOST_ERRORS} more mistakes`];
}
