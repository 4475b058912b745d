/** Lets `instanceof` recognize a public error of another copy of this package, such as the build for `require`. */

type ErrorClass = abstract new (...args: never[]) => Error;

const ordinary = Function.prototype[Symbol.hasInstance];

/**
 * Marks a class as the public error of a name. `error instanceof C` is then true for the errors of every copy. A subclass
 * keeps the ordinary test. JSON cannot contain the mark, so a client cannot forge an error.
 *
 * @example class ConfigError extends Error { static { sharePublicError(this, 'ConfigError'); } }
 */
export function sharePublicError(errorClass: ErrorClass, name: string): void {
  const mark = Symbol.for(`loom-auth.${name}`);
  Object.defineProperty(errorClass.prototype, mark, { value: true });
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      if (ordinary.call(this as ErrorClass, value)) return true;
      return this === errorClass && typeof value === 'object' && value !== null && mark in value;
    },
  });
}
