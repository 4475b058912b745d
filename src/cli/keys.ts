/** The `loom-auth keys` commands: create, list, show, revoke, rotate, import and export the keys of the store of a file. */
import { createReadStream, openSync, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { KeyAdministration } from '../auth/methods/api-key/store/administration.js';
import { nameUnknown } from '../auth/methods/api-key/store/key-store.js';
import type { Keys, NewKey } from '../auth/methods/api-key/store/keys.js';
import { migrateStore, openStore } from '../auth/methods/api-key/store/open-store.js';
import type { StoreInUse } from '../auth/methods/api-key/store-options.js';
import { methodOfType } from '../auth/methods.js';
import { compileFile } from '../config/index.js';
import { Source } from '../config/source.js';
import { escapeForTerminal } from '../lib/control-character.js';
import { createLog } from '../observe/log.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { columns, counted, HEADINGS, jsonText, print, printCreated, row, shown } from './key-output.js';
import { linesOf } from './lines.js';
import { InputError } from './secret-input.js';
import { printable, type Terminal } from './terminal.js';

/** The options of each command. */
export interface KeysFile {
  readonly file: string;
  readonly strategy?: readonly string[];
  readonly json?: boolean;
}

function storeOf({ file, strategy = [] }: KeysFile, { env }: Terminal): StoreInUse {
  const { plan } = compileFile(new Source(file), { strategies: strategy, mode: 'middleware', env });
  const [store] = plan.methods.flatMap(({ type, options }) => methodOfType(type)?.storeOf?.(options) ?? []);
  const found = store as StoreInUse | undefined;
  if (!found) throw new InputError(`${file} has no store of API keys`);
  if (found.options.type === 'host')
    throw new InputError('the store belongs to the host application; use gate.keys there');
  return found;
}

/** Runs one command on the keys. A missing SQLite file is made for the commands that write. */
async function withKeys(
  given: KeysFile,
  terminal: Terminal,
  { makes = false, act }: { readonly makes?: boolean; readonly act: (keys: Keys) => Promise<void> },
): Promise<ExitCode> {
  const { options, taken } = storeOf(given, terminal);
  if (makes && options.type === 'sqlite' && isEmpty(options.path ?? '')) await migrateStore(options);
  const store = openStore(options, undefined);
  try {
    await act(new KeyAdministration({ store, taken, log: createLog(), now: Date.now }));
    return EXIT.fine;
  } finally {
    await store.close();
  }
}

/** A file without a byte is left over when the disk is full. */
function isEmpty(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0;
}

export interface CreateOptions extends KeysFile {
  readonly name: string;
  readonly expires?: string;
  readonly notBefore?: string;
  readonly scope?: readonly string[];
  readonly metadata?: readonly string[];
  readonly rateLimit?: string;
  readonly allowIp?: readonly string[];
  readonly prefix?: string;
}

export function createKey(options: CreateOptions, terminal: Terminal): Promise<ExitCode> {
  const { name, expires, notBefore, scope, metadata, rateLimit, allowIp, prefix } = options;
  const given: NewKey = {
    name,
    ...(expires !== undefined && { expires }),
    ...(notBefore !== undefined && { not_before: notBefore }),
    ...(scope && { scopes: scope }),
    ...(metadata && { metadata: metadataOf(metadata) }),
    ...(rateLimit !== undefined && { rate_limit: /^\d+$/.test(rateLimit) ? Number(rateLimit) : rateLimit }),
    ...(allowIp && { allowed_ips: allowIp }),
    ...(prefix !== undefined && { prefix }),
  };
  return withKeys(options, terminal, {
    makes: true,
    act: async (keys) => printCreated(await keys.create(given), options.json, terminal),
  });
}

/** `plan=pro` is a text. A value in the form of JSON, such as `seats=5`, keeps its type. */
function metadataOf(pairs: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new InputError('metadata is written as name=value');
      return [pair.slice(0, at), valueOf(pair.slice(at + 1))];
    }),
  );
}

function valueOf(text: string): unknown {
  return /^(?:true|false|-?\d{1,15})$/.test(text) ? (JSON.parse(text) as unknown) : text;
}

export function listKeys(options: KeysFile & { readonly name?: string }, terminal: Terminal): Promise<ExitCode> {
  return withKeys(options, terminal, {
    act: async (keys) => {
      if (!options.json) await print(columns(HEADINGS), terminal);
      let after: string | undefined;
      for (;;) {
        const query = { limit: 1_000, ...(options.name !== undefined && { name: options.name }) };
        const page = await keys.list({ ...query, ...(after !== undefined && { after }) });
        for (const each of page) await print(options.json ? jsonText(shown(each)) : columns(row(each)), terminal);
        if (page.length < 1_000) return;
        after = page.at(-1)?.id;
      }
    },
  });
}

export function showKeys(options: KeysFile & { readonly which: string }, terminal: Terminal): Promise<ExitCode> {
  return withKeys(options, terminal, {
    act: async (keys) => {
      const byId = await keys.get(options.which);
      const found = byId ? [byId] : await keys.list({ name: options.which, limit: 1_000 });
      if (found.length === 0) throw nameUnknown(options.which);
      await print(jsonText(found.map(shown), 2), terminal);
    },
  });
}

export function revokeKeys(
  options: KeysFile & { readonly name?: string; readonly id?: string },
  terminal: Terminal,
): Promise<ExitCode> {
  const { name, id } = options;
  if ((name === undefined) === (id === undefined)) throw new InputError('give a name, or --id with the id of one key');
  return withKeys(options, terminal, {
    act: async (keys) => {
      const revoked = await keys.revoke(id === undefined ? { name: name ?? '' } : { id });
      await print(options.json ? jsonText(revoked.map(shown)) : `revoked ${counted(revoked.length)}`, terminal);
    },
  });
}

export interface RotateCommand extends KeysFile {
  readonly name: string;
  readonly grace?: string;
  readonly expires?: string;
  readonly prefix?: string;
}

export function rotateKey(options: RotateCommand, terminal: Terminal): Promise<ExitCode> {
  const { name, grace, expires, prefix } = options;
  const how = {
    ...(grace !== undefined && { grace }),
    ...(expires !== undefined && { expires }),
    ...(prefix !== undefined && { prefix }),
  };
  return withKeys(options, terminal, {
    act: async (keys) => printCreated(await keys.rotate(name, how), options.json, terminal),
  });
}

export function importKeys(options: KeysFile & { readonly from: string }, terminal: Terminal): Promise<ExitCode> {
  return withKeys(options, terminal, {
    makes: true,
    act: async (keys) => {
      const input: Readable =
        options.from === '-' ? terminal.stdin : createReadStream('', { fd: openSync(options.from, 'r') });
      const { imported, warnings } = await keys.import(linesOf(input));
      for (const warning of warnings) terminal.stderr.write(`warning ${printable(warning)}\n`);
      terminal.stdout.write(`imported ${counted(imported)}\n`);
    },
  });
}

export function exportKeys(options: KeysFile, terminal: Terminal): Promise<ExitCode> {
  return withKeys(options, terminal, {
    act: async (keys) => {
      for await (const line of keys.export()) await print(escapeForTerminal(line), terminal);
    },
  });
}

export async function migrateKeys(options: KeysFile, terminal: Terminal): Promise<ExitCode> {
  const ran = await migrateStore(storeOf(options, terminal).options);
  terminal.stdout.write(ran.length === 0 ? 'the key store is up to date\n' : `${ran.join('\n')}\n`);
  return EXIT.fine;
}
