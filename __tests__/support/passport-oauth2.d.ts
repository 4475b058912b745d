/** The types of passport-oauth2 that the tests use. The package has none. */
declare module 'passport-oauth2' {
  import type { IncomingMessage } from 'node:http';

  interface Options {
    readonly authorizationURL: string;
    readonly tokenURL: string;
    readonly clientID: string;
    readonly clientSecret: string;
    readonly callbackURL: string;
  }
  type Done = (error: Error | null, user?: object) => void;
  type Verify = (access: string, refresh: string, profile: unknown, done: Done) => void;

  export default class OAuth2Strategy {
    constructor(options: Options, verify: Verify);
    authenticate(request: IncomingMessage, options?: object): void;
  }
}
