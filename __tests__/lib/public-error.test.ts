/** `instanceof` across two copies of the package. */
import type * as Diagnostics from '../../src/config/diagnostics.js';
import { ConfigError } from '../../src/config/diagnostics.js';
import type * as DeniedErrors from '../../src/gateway/denied-error.js';
import { DeniedError } from '../../src/gateway/denied-error.js';
import type * as GatekeeperTypes from '../../src/serve/gatekeeper.js';
import { PortError, TlsFileError } from '../../src/serve/gatekeeper.js';

interface Copy {
  readonly ConfigError: typeof ConfigError;
  readonly DeniedError: typeof DeniedError;
  readonly PortError: typeof PortError;
  readonly TlsFileError: typeof TlsFileError;
}

function secondCopy(): Copy {
  let copy: Copy | undefined;
  jest.isolateModules(() => {
    copy = {
      ...jest.requireActual<typeof Diagnostics>('../../src/config/diagnostics.js'),
      ...jest.requireActual<typeof DeniedErrors>('../../src/gateway/denied-error.js'),
      ...jest.requireActual<typeof GatekeeperTypes>('../../src/serve/gatekeeper.js'),
    };
  });
  if (!copy) throw new Error('no second copy was loaded');
  return copy;
}

const first: Copy = { ConfigError, DeniedError, PortError, TlsFileError };
const second = secondCopy();
const made = ({ ConfigError, DeniedError, PortError, TlsFileError }: Copy): Record<keyof Copy, Error> => ({
  ConfigError: new ConfigError([]),
  DeniedError: new DeniedError({ status: 401, code: 'unauthorized' }),
  PortError: new PortError('web', 80, { cause: new Error('in use') }),
  TlsFileError: new TlsFileError('web', 'a.pem', 'is missing'),
});
const NAMES = Object.keys(first) as (keyof Copy)[];

test.each(NAMES)('%s of one copy is an instance of the same class of the other copy, and of no other class', (name) => {
  expect(first[name]).not.toBe(second[name]);
  const error = made(second)[name];
  expect(Object.getPrototypeOf(error)).not.toBe(first[name].prototype);
  expect(NAMES.filter((each) => error instanceof first[each])).toEqual([name]);
  expect(NAMES.filter((each) => made(first)[name] instanceof second[each])).toEqual([name]);
});

test('a subclass keeps the ordinary test', () => {
  class Own extends DeniedError {}
  const own = new Own({ status: 403, code: 'forbidden' });
  expect([own instanceof Own, own instanceof DeniedError, own instanceof second.DeniedError]).toEqual([
    true,
    true,
    true,
  ]);
  expect(made(first).DeniedError instanceof Own).toBe(false);
});

test.each([
  ['null', null],
  ['a string', 'DeniedError'],
  ['an error of the same name', Object.assign(new Error('denied'), { name: 'DeniedError', status: 403 })],
  ['JSON with the name of the mark', JSON.parse('{"loom-auth.DeniedError":true,"Symbol(loom-auth.DeniedError)":true}')],
])('%s is not a DeniedError', (_what, value: unknown) => {
  expect(value instanceof DeniedError).toBe(false);
});
