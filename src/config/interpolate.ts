/** `${ENV}`, `${ENV:-default}` and `${file:PATH}`, resolved after parsing and inside strings only. */
import type { ErrorCode } from './diagnostic-codes.js';
import { checkOtherNotation, referenceHint } from './other-notation.js';
import { eachScalar, type DocumentNode } from './document.js';
import { matchesPattern } from './loom/option-paths.js';
import type { Path, Report } from './report.js';
import { isSecret } from './secrets.js';
import type { Env, Source } from './source.js';

const REFERENCE = /\$\$\{|\$\{([^{}]*)\}|\$\{/g;
const WHOLE = /^\$\{[^{}]*\}$/;
const VARIABLE = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([^]*))?$/;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f\u2028\u2029\ufeff]/;

export interface World {
  readonly env: Env;
  readonly source: Source;
  readonly report: Report;
}

/** Replaces the references in every string of the tree; what was inserted is never read again. */
export function interpolate(root: DocumentNode, world: World): void {
  eachScalar(root, (path, node) => {
    if (typeof node.value !== 'string') return;
    if (!node.value.includes('${')) return checkOtherNotation(path, node.value, world.report);
    const whole = WHOLE.test(node.value);
    const reference = new Reference(path, world);
    node.value = node.value.replace(REFERENCE, (match, name: string | undefined, offset: number, text: string) =>
      match === '$${' ? '${' : reference.resolve(name, text.slice(offset)),
    );
    node.reference = !whole ? 'part' : reference.failed ? 'unresolved' : 'resolved';
  });
}

/** Options outside of `routes[].auth` and `opens` that decide which credentials are enough. */
const OPENING = ['routes[].overlap', 'middleware.auth.require_any', 'plugins[].require_identity'];

/** A variable that is not set must not open a route. */
function saysWhoMayPass(path: Path): boolean {
  if ((path[0] === 'routes' && path[2] === 'auth') || path[0] === 'opens') return true;
  return OPENING.some((pattern) => matchesPattern(path, pattern));
}

class Reference {
  failed = false;

  constructor(
    private readonly path: Path,
    private readonly world: World,
  ) {}

  /** `text`: the value from the reference on. */
  resolve(name: string | undefined, text: string): string {
    if (name?.startsWith('file:')) return this.#file(name.slice('file:'.length));
    const [, variable, fallback] = VARIABLE.exec(name ?? '') ?? [];
    if (variable === undefined) {
      return this.#refuse(
        'bad_reference',
        `must be \${NAME}, \${NAME:-default} or \${file:PATH}; "$\${" is a literal "\${"${referenceHint(name ?? /^\$\{\{([^{}]*)\}\}/.exec(text)?.[1])}`,
      );
    }
    if (fallback !== undefined && isSecret(this.path)) {
      return this.#refuse('secret_default', `a secret takes no default: \${${variable}} must be set`);
    }
    if (fallback !== undefined && saysWhoMayPass(this.path)) {
      return this.#refuse('access_default', `who may pass takes no default: \${${variable}} must be set`);
    }
    const { env } = this.world;
    const value = (Object.hasOwn(env, variable) ? env[variable] : undefined) || fallback;
    if (value === undefined || value === '')
      return this.#refuse('unset_variable', `the variable ${variable} is not set`);
    return this.#checked(value, `the variable ${variable}`);
  }

  #file(path: string): string {
    const { source, report } = this.world;
    if (path.trim() === '') return this.#refuse('bad_reference', 'the file of ${file:PATH} has no name');
    const read = source.readBeside(path);
    if (read.kind === 'unreadable') return this.#refuse('unreadable_file', `${path}: ${read.why}`);
    if (read.worldReadable && isSecret(this.path)) {
      report.warning({
        path: this.path,
        code: 'world_readable',
        message: `${path} can be read by every user of this machine`,
      });
    }
    const text = read.text.replace(/\r?\n$/, '');
    if (text === '') return this.#refuse('empty_file', `${path} is empty`);
    return this.#checked(text, path);
  }

  /** Line breaks make sense in PEM text alone; elsewhere they would end up in headers and logs. */
  #checked(value: string, from: string): string {
    const text = value.startsWith('-----BEGIN ') ? value.replace(/[\r\n]/g, '') : value;
    if (CONTROL.test(text)) return this.#refuse('control_character', `${from} holds a line break or control character`);
    return value;
  }

  /** The field keeps a value of its type, so that one mistake is reported once. */
  #refuse(code: ErrorCode, message: string): string {
    this.failed = true;
    this.world.report.error({ path: this.path, code, message });
    return UNRESOLVED;
  }
}

/** The value of a reference that could not be resolved; the file is refused already. */
const UNRESOLVED = 'unresolved';
