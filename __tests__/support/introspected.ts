/** A gateway whose introspection server answers each token as a test configures. */
import { statusOf } from './ask.js';
import { CLIENT_SECRET, get, openGround, type Ground } from './attack-ground.js';
import { seconds } from './token-issuer.js';
import { json, type Answer } from '../tokens/introspection-server.js';

export interface Introspected {
  readonly ground: Ground;
  /** The response to a new token at `/oauth/x` if the server answers this about it. The token is secret. */
  answered(by: Answer): Promise<string>;
  /** It is 401, with the error of RFC 6750. */
  refused(by: Answer): Promise<void>;
  passes(by: Answer): Promise<void>;
  /** The line that sends the last token again. */
  again(): string;
}

/** `more` is YAML for the `oauth` block, in flow style, with a comma before it. */
export async function introspected(more = ''): Promise<Introspected> {
  const ground = await openGround({
    replaceAuth: true,
    auth: `\n    oauth: { introspection_url: "INTROSPECTION/introspect", client_id: loom, client_secret: ${CLIENT_SECRET}, throttle: false${more} }`,
    replaceRoutes: true,
    routes: '\n  - { id: oauth, path: "/oauth/*", upstream: backend, auth: { oauth: true } }',
  });
  let serial = 0;
  const again = (): string => `Authorization: Bearer opaque-${serial}`;
  const answered = async (by: Answer): Promise<string> => {
    ground.introspection.answer = by;
    ground.secrets.push(`opaque-${++serial}`);
    const before = ground.introspection.asked.length;
    const answer = await ground.send(get('/oauth/x', again()));
    expect(ground.introspection.asked.length).toBe(before + 1);
    expect(ground.arrived()).toHaveLength(statusOf(answer) === 200 ? 1 : 0);
    return answer;
  };
  const refused = async (by: Answer): Promise<void> => {
    const answer = await answered(by);
    expect(statusOf(answer)).toBe(401);
    expect(answer).toMatch(/^www-authenticate: Bearer realm="loom", error="invalid_token"\r$/im);
  };
  const passes = async (by: Answer): Promise<void> => expect(statusOf(await answered(by))).toBe(200);
  return { ground, answered, refused, passes, again };
}

/** An active answer for ada, with ten minutes left. */
export const yes = (more: object = {}): Answer =>
  json({ active: true, sub: 'ada', username: 'ada', exp: seconds() + 600, ...more });
