/** The `loom-auth explain` command: says why a request is admitted or refused, from a file or from a running gateway. */
import { readFileSync } from 'node:fs';
import type { ReasonCode } from '../auth/verdict.js';
import { ConfigError } from '../config/diagnostics.js';
import { compileFile } from '../config/index.js';
import type { DenialCode } from '../http/problem.js';
import { cureOf } from '../runtime/explain/cures.js';
import { Explainer } from '../runtime/explain/explainer.js';
import type { Explanation, ExplainRequest } from '../runtime/explain/explanation.js';
import { askGateway } from './admin-client.js';
import { renderDiagnostic } from './check-text.js';
import { readCurlLine } from './curl-line.js';
import { EXPLAINED, type ExplainExitCode } from './exit-codes.js';
import { keySetsOf } from './key-set-files.js';
import { renderExplanation } from './explain-text.js';
import { recordText } from './record-text.js';
import { InputError, readInput } from './secret-input.js';
import { asciiJson, paintFor, printable, type Terminal } from './terminal.js';

export interface ExplainCommandOptions {
  readonly header?: readonly string[];
  readonly cert?: string;
  readonly from?: string;
  readonly at?: string;
  readonly jwks?: readonly string[];
  readonly json?: boolean;
  readonly curl?: string;
  readonly online?: boolean;
  readonly admin?: string;
  readonly strategy?: readonly string[];
}

const DEFAULT_FILE = 'loom.yaml';

interface Asked {
  readonly file: string;
  readonly request: ExplainRequest;
  readonly notes: readonly string[];
}

export async function explain(
  words: readonly string[],
  options: ExplainCommandOptions,
  terminal: Terminal,
): Promise<ExplainExitCode> {
  try {
    const [id] = words;
    if (words.length === 1 && id !== undefined && isRecordId(id, options))
      return await explainRecord(id, options, terminal);
    const asked = await askedBy(words, options, terminal);
    const explanation =
      options.admin === undefined
        ? await explainFile(asked, options, terminal)
        : await explainRunning(asked, options, terminal);
    const whole = { ...explanation, notes: [...asked.notes, ...explanation.notes] };
    write(
      options.json ? asciiJson(whole) : renderExplanation(whole, paintFor(terminal.stdout, terminal.env)),
      terminal,
    );
    return exitCodeOf(explanation);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    const paint = paintFor(terminal.stderr, terminal.env);
    terminal.stderr.write(`${cause.diagnostics.map((each) => renderDiagnostic(each, paint)).join('\n')}\n`);
    return EXPLAINED.failed;
  }
}

/** An id of a request is any text of a trusted proxy. With `--admin`, one word that is no URL is an id. */
function isRecordId(word: string, { admin, curl }: ExplainCommandOptions): boolean {
  if (curl !== undefined || /^[a-z]+:\/\/|^\//i.test(word)) return false;
  return admin !== undefined || word.toLowerCase().startsWith('urn:uuid:');
}

function exitCodeOf({ allowed }: Explanation): ExplainExitCode {
  if (allowed === null) return EXPLAINED.undecided;
  return allowed ? EXPLAINED.allowed : EXPLAINED.denied;
}

function write(text: string, { stdout }: Terminal): void {
  stdout.write(`${text}\n`);
}

async function askedBy(words: readonly string[], options: ExplainCommandOptions, terminal: Terminal): Promise<Asked> {
  const more = {
    ...(options.from !== undefined && { from: options.from }),
    ...(options.at !== undefined && { at: options.at }),
    ...(options.cert !== undefined && { certificate: read(options.cert) }),
  };
  if (options.curl !== undefined) {
    if (options.curl !== '-') throw new InputError('a curl command is read from standard input: --curl -');
    if (words.length > 1 || options.header)
      throw new InputError('with --curl give the file alone: the command has the rest');
    const { request, notes } = readCurlLine(await readInput(terminal));
    return { file: words[0] ?? DEFAULT_FILE, request: { ...request, ...more }, notes };
  }
  const { file, method, url } = requestIn(words);
  const headers = (options.header ?? []).map(headerIn);
  return { file, request: { method, url: bytes(url), headers, ...more }, notes: [] };
}

/** `[file] [method] URL`. */
function requestIn(words: readonly string[]): { readonly file: string; readonly method: string; readonly url: string } {
  const rest = [...words];
  const url = rest.pop();
  const method = /^[A-Z]+(?:-[A-Z]+)*$/.test(rest.at(-1) ?? '') ? rest.pop() : undefined;
  const [file = DEFAULT_FILE, ...others] = rest;
  if (url === undefined || others.length > 0)
    throw new InputError('give a request: loom-auth explain [file] GET https://host/path');
  return { file, method: method ?? 'GET', url };
}

function headerIn(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  if (line.startsWith('@')) throw new InputError('explain reads no file for -H: write the header itself');
  if (colon <= 0) throw new InputError("a header is written as -H 'Name: value'");
  return [line.slice(0, colon).trim(), bytes(line.slice(colon + 1).trim())];
}

/** A client sends the bytes of the terminal, and Node reads each byte as one character. */
const bytes = (text: string): string => Buffer.from(text).toString('latin1');

async function explainFile(
  { file, request }: Asked,
  { strategy: strategies = [], online = false, jwks = [] }: ExplainCommandOptions,
  { env }: Terminal,
): Promise<Explanation> {
  const { plan, mode } = compileFile(file, { strategies, mode: 'detected', env });
  const standalone = mode === 'serve';
  const keysOf = keySetsOf(jwks);
  const explainer = new Explainer({ plan, standalone, now: Date.now, online, keysOf, runsPlugins: true });
  try {
    return await explainer.explain(request);
  } finally {
    await explainer.close();
  }
}

async function explainRunning(
  { request }: Asked,
  options: ExplainCommandOptions,
  terminal: Terminal,
): Promise<Explanation> {
  const answer = await askGateway(options.admin, { path: '/explain', body: request }, terminal);
  return answer as Explanation;
}

interface KeptDecision {
  readonly kind?: unknown;
  readonly code?: DenialCode;
  readonly reason?: ReasonCode;
}

/** The gateway answers with every kept decision of the id, the newest first. */
interface KeptDecisions {
  readonly decisions?: readonly KeptDecision[];
}

function cureIn({ code, reason }: KeptDecision): string | undefined {
  return code === undefined ? undefined : cureOf(code, reason);
}

async function explainRecord(id: string, options: ExplainCommandOptions, terminal: Terminal): Promise<ExplainExitCode> {
  const path = `/decisions/${encodeURIComponent(id)}`;
  const answer = (await askGateway(options.admin, { path }, terminal)) as KeptDecisions;
  const { decisions = [] } = answer;
  const text = decisions.map((each) => printable(recordText({ ...each, cure: cureIn(each) }))).join('\n\n');
  write(options.json ? asciiJson(answer) : text, terminal);
  return decisions[0]?.kind === 'granted' ? EXPLAINED.allowed : EXPLAINED.denied;
}

const LARGEST_CERTIFICATE = 1_048_576;

function read(file: string): string {
  const text = readFileSync(file, 'utf8');
  if (text.length > LARGEST_CERTIFICATE) throw new InputError('the file of --cert is longer than 1 MiB');
  return text;
}
