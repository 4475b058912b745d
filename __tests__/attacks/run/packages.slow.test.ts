/** The packages of an installation: none runs code by itself, none is without a digest, none is deprecated. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../support/built.js';

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly deprecated?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
}

const read = <T>(name: string): T => JSON.parse(readFileSync(join(ROOT, name), 'utf8')) as T;
const { packages } = read<{ packages: Readonly<Record<string, Locked>> }>('package-lock.json');

/** The path where Node would find the package from a folder upwards. */
function place(from: string, name: string): string | undefined {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')))) {
    const path = base === '' ? `node_modules/${name}` : `${base}/node_modules/${name}`;
    if (packages[path]) return path;
    if (base === '') return undefined;
  }
}

/** Every package that `npm install loom-auth` installs. */
function installed(): ReadonlyMap<string, Locked> {
  const found = new Map<string, Locked>();
  const visit = (path: string): void => {
    const { dependencies = {}, optionalDependencies = {} } = packages[path] as Locked;
    for (const name of [...Object.keys(dependencies), ...Object.keys(optionalDependencies)]) {
      const at = place(path, name);
      if (at === undefined && name in optionalDependencies) continue;
      if (at === undefined) throw new Error(`${name} is not in the lock file`);
      if (found.has(at)) continue;
      found.set(at, packages[at] as Locked);
      visit(at);
    }
  };
  visit('');
  return found;
}

const runtime = installed();
const names = (wanted: (each: Locked) => boolean): readonly string[] =>
  [...runtime].filter(([, each]) => wanted(each)).map(([path]) => path);

describe('RUN-04 what is installed', () => {
  test('runs no script during installation', () => {
    expect(names(({ hasInstallScript }) => hasInstallScript === true)).toEqual([]);
    const { scripts } = read<{ scripts: Record<string, string> }>('package.json');
    for (const hook of ['preinstall', 'install', 'postinstall', 'preprepare', 'postprepare'])
      expect(scripts).not.toHaveProperty(hook);
  });

  test('has a digest, and so has each package of the lock file', () => {
    expect(names(({ integrity }) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''))).toEqual([]);
    const unknown = Object.entries(packages).filter(
      ([path, { integrity, link }]) => path !== '' && link !== true && integrity === undefined,
    );
    expect(unknown.map(([path]) => path)).toEqual([]);
  });

  test('is not deprecated by its authors', () => {
    for (const gone of [
      'http-proxy',
      'express-gateway',
      'request',
      'har-validator',
      'node-http-proxy',
      'jwt-simple',
      'querystring',
    ])
      expect([...runtime.keys()].filter((path) => path.endsWith(`node_modules/${gone}`))).toEqual([]);
    expect(names(({ deprecated }) => deprecated !== undefined)).toEqual([]);
  });

  test('has versions of the registry, not addresses, tags or wildcards', () => {
    const { dependencies, devDependencies } = packages[''] as Locked;
    for (const range of Object.values({ ...dependencies, ...devDependencies }))
      expect(range).toMatch(/^(?:npm:[a-z0-9-]+@)?[\^~]?\d+\.\d+\.\d+$/);
    const own = read<Locked>('package.json');
    expect(own.dependencies).toEqual(dependencies);
  });

  test('is not native code', () => {
    expect([...runtime.keys()].filter((path) => /node-gyp|prebuild|node-addon-api|bindings$/.test(path))).toEqual([]);
  });

  test('twin: the same check finds the packages of tests, and those of serve', () => {
    expect(Object.values(packages).some(({ hasInstallScript, dev }) => hasInstallScript === true && dev === true)).toBe(
      true,
    );
    expect([...runtime.keys()]).toEqual(
      expect.arrayContaining(['node_modules/http-proxy-middleware', 'node_modules/pino', 'node_modules/passport']),
    );
    expect(runtime.size).toBeGreaterThan(20);
  });
});
