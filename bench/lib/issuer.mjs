/** An issuer on loopback: an RSA key, its key set over HTTP, and RS256 tokens of any claims. */
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

const AUDIENCE = 'api.example.com';
const KID = 'of-the-bench';

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** `token(claims, header)` is good but for what is given; `forged` has a signature of the right length alone. */
export async function openIssuer() {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: KID, use: 'sig', alg: 'RS256' };
  let asked = 0;
  let down = false;
  const server = createServer((_req, res) => {
    asked += 1;
    if (down) return void res.writeHead(500).end();
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ keys: [jwk] }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${server.address().port}`;
  const input = (claims, header) => {
    const now = Math.floor(Date.now() / 1_000);
    const base = { iss: origin, aud: AUDIENCE, sub: 'ada', email: 'ada@example.com', scope: 'read write' };
    const lively = { iat: now, exp: now + 3_600, jti: randomUUID() };
    return `${encoded({ alg: 'RS256', typ: 'JWT', kid: KID, ...header })}.${encoded({ ...base, ...lively, ...claims })}`;
  };
  return {
    origin,
    audience: AUDIENCE,
    jwksUrl: `${origin}/jwks`,
    asked: () => asked,
    token: (claims = {}, header = {}) => {
      const text = input(claims, header);
      return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
    },
    forged: (claims = {}, header = {}) => {
      const signature = Buffer.alloc(256, randomUUID());
      signature[0] = 0;
      return `${input(claims, header)}.${signature.toString('base64url')}`;
    },
    /** From now on the key set is answered 500, or not any more. */
    fail: (now) => void (down = now),
    close: () => server.close().closeAllConnections(),
  };
}
