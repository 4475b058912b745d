/** The `keys` commands of the program, with their options. */
import { createRequire } from 'node:module';
import type { Command } from 'commander';
import type { ExitCode } from './exit-codes.js';
import type * as Keys from './keys.js';
import type { Terminal } from './terminal.js';

const require = createRequire(import.meta.url);

const load = (): typeof Keys => require('./keys.js') as typeof Keys;

export interface KeyCommands {
  readonly terminal: Terminal;
  readonly defaultFile: string;
  readonly finish: (act: () => ExitCode | Promise<ExitCode>) => Promise<void>;
}

/** Adds `keys create`, `list`, `show`, `revoke`, `rotate`, `import`, `export` and `migrate`. */
export function addKeyCommands(program: Command, { terminal, defaultFile, finish }: KeyCommands): void {
  const keys = program.command('keys').description('manage the API keys in the store of a file');
  const add = (usage: string, description: string): Command =>
    keys
      .command(usage)
      .description(description)
      .option('--file <file>', 'the Loom file', defaultFile)
      .option('--strategy <name...>', 'name of a Passport strategy that the host application registers');
  add('create', 'create a key, and print it once')
    .requiredOption('--name <name>', 'the name of the caller, which is the subject of its identity')
    .option('--expires <time>', 'RFC 3339 date or date-time from which on the key is refused')
    .option('--not-before <time>', 'RFC 3339 date or date-time before which the key is refused')
    .option('--scope <scope...>', 'scopes of the key')
    .option('--metadata <name=value...>', 'members of the claim metadata')
    .option('--rate-limit <rate>', 'the limit of this key alone, such as 100 or 1000/m')
    .option('--allow-ip <address...>', 'addresses and CIDR blocks that may use the key')
    .option('--prefix <label>', 'the label of the key (default: loom_live)')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  loom-auth keys create --name acme --scope read --expires 2027-12-31')
    .action((options: Keys.CreateOptions) => finish(() => load().createKey(options, terminal)));
  add('list', 'list the keys without their digests')
    .option('--name <name>', 'only the keys of this name')
    .option('--json', 'print one JSON document for each key')
    .action((options: Keys.KeysFile & { name?: string }) => finish(() => load().listKeys(options, terminal)));
  add('show', 'print the records of an id or a name as JSON')
    .argument('<id-or-name>', 'the id of one key, or a name')
    .action((which: string, options: Keys.KeysFile) => finish(() => load().showKeys({ ...options, which }, terminal)));
  add('revoke', 'revoke all keys of a name, or one key by its id')
    .argument('[name]', 'the name of the keys')
    .option('--id <id>', 'the id of one key')
    .option('--json', 'print the revoked records as JSON')
    .action((name: string | undefined, options: Keys.KeysFile & { id?: string }) =>
      finish(() => load().revokeKeys({ ...options, ...(name !== undefined && { name }) }, terminal)),
    );
  add('rotate', 'create another key of a name; the old keys stay valid for the grace period')
    .argument('<name>', 'the name')
    .option('--grace <duration>', 'how long the old keys stay valid (default: 24h)')
    .option('--expires <time>', 'when the new key expires (default: with the newest key of the name)')
    .option('--prefix <label>', 'the label of the new key (default: loom_live)')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  loom-auth keys rotate acme --grace 24h')
    .action((name: string, options: Keys.KeysFile) => finish(() => load().rotateKey({ ...options, name }, terminal)));
  add('import', 'add the keys of a file of JSON lines, all or none')
    .argument('<lines>', 'the file, or - for standard input')
    .addHelpText('after', '\nExample:\n  loom-auth keys import old-keys.jsonl')
    .action((from: string, options: Keys.KeysFile) => finish(() => load().importKeys({ ...options, from }, terminal)));
  add('export', 'print all records as JSON lines, with digests and without keys').action((options: Keys.KeysFile) =>
    finish(() => load().exportKeys(options, terminal)),
  );
  add('migrate', 'create or update the schema of the store, and print the statements that ran').action(
    (options: Keys.KeysFile) => finish(() => load().migrateKeys(options, terminal)),
  );
}
