/** Runs the programs of the documentation in this process, on ports and in a folder of the test's choice. */
import { createRequire } from 'node:module';
import { Server as HttpServer } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { transformSync } from '@swc/core';
import * as loomAuth from '../../src/index.js';
import { quietLog } from '../support/quiet-log.js';

type Module = Record<string, unknown>;
type Body = (exports: Module, require: (name: string) => unknown, process: object, console: object) => Promise<void>;

export interface ProgramOptions {
  /** The package to load instead of another one: `{ express: 'express4' }`. */
  readonly packages?: Readonly<Record<string, string>>;
  readonly modules?: Readonly<Record<string, unknown>>;
}

const quietConsole = { ...console, log: () => undefined, error: () => undefined, warn: () => undefined };

/** Programs that ran, and what they opened. */
export class Programs {
  readonly servers = new Set<NetServer>();
  readonly #sockets = new Set<Socket>();
  readonly #closers: (() => Promise<unknown>)[] = [];
  readonly log = quietLog();

  constructor(private readonly options: ProgramOptions = {}) {}

  /** Runs a file of the folder and resolves when its servers listen. */
  async run(file: string): Promise<Module> {
    const before = process.cwd();
    process.chdir(dirname(file));
    const original = Object.getOwnPropertyDescriptor(NetServer.prototype, 'listen') as PropertyDescriptor;
    const servers = this.servers;
    const remember = (socket: Socket): void => void this.#sockets.add(socket);
    NetServer.prototype.listen = function (this: NetServer, ...args: unknown[]) {
      servers.add(this);
      this.on(this instanceof HttpServer ? 'connection' : 'secureConnection', remember);
      return (original.value as (...given: unknown[]) => NetServer).apply(this, args);
    } as NetServer['listen'];
    try {
      const exports = await this.#evaluate(file);
      await Promise.all([...servers].map(listens));
      return exports;
    } finally {
      Object.defineProperty(NetServer.prototype, 'listen', original);
      process.chdir(before);
    }
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([...this.servers].map((server) => new Promise((done) => server.close(done))));
    this.servers.clear();
  }

  async #evaluate(file: string): Promise<Module> {
    const exports: Module = {};
    const local = new Map<string, Module>();
    // A file beside it is evaluated first, for `require` waits for nothing.
    for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(/from '(\.\/[^']+)'/g)) {
      local.set(name, await this.#evaluate(join(dirname(file), basename(name))));
    }
    await bodyOf(file)(exports, (name) => local.get(name) ?? this.#module(name), process, quietConsole);
    return exports;
  }

  #module(name: string): unknown {
    if (name === 'loom-auth') return this.#loomAuth();
    const given = this.options.modules?.[name];
    return given ?? createRequire(__filename)(this.options.packages?.[name] ?? name);
  }

  /** The package itself, its log kept from the test's output. */
  #loomAuth(): typeof loomAuth {
    const { loom, serve } = loomAuth;
    return {
      ...loomAuth,
      loom: (source, options) => {
        const gate = loom(source, { log: this.log, ...options });
        this.#closers.push(() => gate.close());
        return gate;
      },
      serve: async (source, options) => {
        const gateway = await serve(source, { log: this.log, watch: false, ...options });
        this.#closers.push(() => gateway.stop({ timeout: 0 }));
        return gateway;
      },
    };
  }
}

let count = 0;

/** The program as a function, for a module cannot wait at its top level where it is compiled to CommonJS. */
function bodyOf(file: string): Body {
  const path = `${file}.${(count += 1)}.cjs`;
  writeFileSync(path, `module.exports = async (exports, require, process, console) => {${compiled(file)}\n};\n`);
  return createRequire(__filename)(path) as Body;
}

function compiled(file: string): string {
  const { code } = transformSync(readFileSync(file, 'utf8'), {
    filename: file,
    swcrc: false,
    jsc: { parser: { syntax: 'typescript', decorators: true }, target: 'es2023' },
    module: { type: 'commonjs' },
  });
  return code;
}

function listens(server: NetServer): Promise<void> {
  if (server.listening) return Promise.resolve();
  return new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
}
