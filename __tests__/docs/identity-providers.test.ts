/** The tokens of identity-providers.md, signed with a local key, at the file above them. */
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { compileFile } from '../../src/config/index.js';
import { askedServer, json, type AskedServer } from '../tokens/introspection-server.js';
import { signed, signingKey } from '../tokens/signing.js';
import { closeOpened, guarding, type Guarding } from '../support/page-gate.js';
import { pageOf, wordOf, type Block } from './pages.js';
import { variablesOf } from './scene.js';

type Mapping = Record<string, unknown>;

const { blocks } = pageOf('docs/identity-providers.md');
const tokens = blocks.filter(({ language, words }) => language === 'json' && words.includes('token'));
const files = blocks.filter(({ language, words }) => language === 'yaml' && !words.includes('foreign'));
const providers = [...new Set(tokens.map(({ heading }) => heading))];

const key = signingKey('RS256');
let keys: AskedServer;
const gates = new Map<string, Guarding>();
beforeAll(async () => {
  keys = await askedServer(json({ keys: [{ ...key.jwk, kid: 'local', use: 'sig', alg: 'RS256' }] }));
});
afterAll(async () => {
  await closeOpened();
  await keys.close();
});

/** The file with the key set of this test in place of the provider's. */
function withLocalKeys(text: string): string {
  const file = parse(text) as { middleware: { auth: { jwt: Mapping & { issuers?: Mapping[] } } } };
  const { jwt } = file.middleware.auth;
  for (const issuer of jwt.issuers ?? [jwt]) issuer['jwks_url'] = `${keys.origin}/jwks`;
  return stringify(file);
}

async function gateOf(provider: string): Promise<Guarding> {
  const known = gates.get(provider);
  if (known) return known;
  const file = files.find(({ heading }) => heading === provider);
  if (!file) throw new Error(`${provider} has no file`);
  const gate = await guarding(withLocalKeys(file.text));
  gates.set(provider, gate);
  return gate;
}

/** The claims of the page, of this hour. */
function claimsOf({ text }: Block): Mapping {
  const claims = JSON.parse(text) as Mapping;
  const now = Math.floor(Date.now() / 1_000);
  return { ...claims, iat: now, exp: now + 600, ...('nbf' in claims && { nbf: now }) };
}

test.each(tokens.map((block) => [block.heading, block.line, block] as const))(
  '%s, line %i',
  async (provider, _line, block) => {
    const gate = await gateOf(provider);
    const token = await signed(claimsOf(block), {
      alg: 'RS256',
      key: key.privateKey,
      header: { kid: 'local', typ: 'JWT' },
    });
    const header = wordOf(block, 'in');
    const headers = header === undefined ? { Authorization: `Bearer ${token}` } : { [header]: token };
    const denials = gate.log.length;
    const { status } = await gate.ask(wordOf(block, 'path') ?? '/orders/1', { headers });
    const expected = block.words.find((word) => /^\d{3}$/.test(word));
    const reason = gate.log.slice(denials).find(({ facts }) => facts['event'] === 'denied')?.facts['reason'];
    expect([status, reason]).toEqual(
      expected === undefined ? [200, undefined] : [Number(expected), block.words.at(-1)],
    );
  },
);

test('every provider has a token that passes and one that is refused', () => {
  const passes = (block: Block): boolean => !block.words.some((word) => /^\d{3}$/.test(word));
  const lacking = providers.filter((provider) => {
    const own = tokens.filter(({ heading }) => heading === provider);
    return !own.some(passes) || own.every(passes);
  });
  expect(lacking).toEqual([]);
  expect(providers).toHaveLength(10);
});

test.each(files)(
  'line $line, of $heading: no token passes a file without a warning that it is loose',
  ({ heading, text }) => {
    const { warnings } = compileFile(
      { text, file: join(__dirname, 'loom.yaml') },
      { mode: 'middleware', env: variablesOf(text) },
    );
    const said = warnings.map(({ message }) => message).filter((message) => /ANY (?:AUDIENCE|ISSUER)/.test(message));
    expect(said).toHaveLength(heading === 'Amazon Cognito' ? 1 : 0);
  },
);
