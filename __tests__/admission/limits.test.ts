/** Tiers, quotas and exemptions at work, in a gateway of its own. */
import { statusOf } from '../support/ask.js';
import { closeGrounds, get, KEY, openGround, type Ground } from '../support/attack-ground.js';

afterEach(closeGrounds);

const from = (address: string): string => `X-Forwarded-For: ${address}`;
const keyed = `X-API-Key: ${KEY}`;

const opened = (block: string): Promise<Ground> =>
  openGround({ top: `rate_limit: { ${block} }\ntrusted_proxies: [127.0.0.1]` });

async function passed(ground: Ground, count: number, bytes: string): Promise<number> {
  const answers = await Promise.all(Array.from({ length: count }, () => ground.send(bytes)));
  const statuses = answers.map(statusOf);
  expect(statuses.filter((status) => status !== 200 && status !== 429)).toEqual([]);
  return statuses.filter((status) => status === 200).length;
}

const tokenOf = async (ground: Ground, claims: Readonly<Record<string, unknown>>): Promise<string> =>
  `Authorization: Bearer ${await ground.issuer.token(claims)}`;

test('a tier by a claim, by one of a list, by an identity header; the rest has the common rate', async () => {
  const ground = await opened(`rate: 0.001, burst: 3, tiers: [
    { name: gold, match: { claim: plan, value: gold }, rate: 0.001, burst: 8 },
    { name: staff, match: { claim: roles, value: staff }, rate: 0.001, burst: 6 },
    { name: named, match: { header: X-Key-Name, value: alice }, rate: 0.001, burst: 5 }]`);
  const gold = await tokenOf(ground, { sub: 'a', plan: 'gold', roles: ['staff'] });
  const staff = await tokenOf(ground, { sub: 'b', roles: ['dev', 'staff'] });
  const plain = await tokenOf(ground, { sub: 'c', plan: 'silver', roles: 'nobody' });
  expect(await passed(ground, 12, get('/internal/x', gold))).toBe(8);
  expect(await passed(ground, 12, get('/internal/x', staff))).toBe(6);
  expect(await passed(ground, 12, get('/internal/x', plain, 'X-Key-Name: alice'))).toBe(3);
  expect(await passed(ground, 12, get('/api/v1/x', keyed))).toBe(5);
});

test('a tier without match has the callers of no other tier', async () => {
  const ground = await opened(`tiers: [{ name: default, rate: "60/m", burst: 3 },
    { name: named, match: { header: X-Key-Name, value: alice }, rate: 0.001, burst: 5 }]`);
  const plain = await tokenOf(ground, { sub: 'c' });
  expect(await passed(ground, 12, get('/api/v1/x', keyed))).toBe(5);
  expect(await passed(ground, 6, get('/internal/x', plain))).toBe(3);
});

test('a configured response has numbers in place of its templates, and one header of each name', async () => {
  const ground = await opened(`rate: 0.001, burst: 1, response: { status: 420, headers: { Retry-After: "30",
    X-Left: "{{.Remaining}} of {{ .Limit }}" }, body: '{"retry": {{.RetryAfter}}, "at": {{.Reset}}, "in": {"a": {}}}' }`);
  await ground.send(get('/api/v1/x', keyed));
  const answer = await ground.send(get('/api/v1/x', keyed));
  expect(statusOf(answer)).toBe(420);
  expect(answer.match(/^retry-after: .*$/gim)).toEqual(['Retry-After: 30']);
  expect(answer).toMatch(/^X-Left: 0 of 1\r$/m);
  const { retry, at } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as Record<'retry' | 'at', number>;
  expect(retry).toBeGreaterThan(0);
  expect(at).toBeGreaterThan(Date.now() / 1_000);
});

test('a tier that the client picks counts together with the address, and beside the common rate', async () => {
  const ground = await opened(`rate: 0.001, burst: 3, tiers: [
    { name: fast, match: { header: X-Plan, value: fast }, rate: 0.001, burst: 5 }]`);
  const tokens = await Promise.all(['a', 'b'].map((sub) => tokenOf(ground, { sub })));
  const [first = '', second = ''] = tokens;
  expect(await passed(ground, 8, get('/internal/x', first, 'X-Plan: fast', from('203.0.113.1')))).toBe(5);
  expect(await passed(ground, 8, get('/internal/x', first, from('203.0.113.1')))).toBe(3);
  expect(await passed(ground, 8, get('/internal/x', second, 'X-Plan: fast', from('203.0.113.1')))).toBe(5);
  expect(await passed(ground, 8, get('/public/x', 'X-Plan: fast', from('203.0.113.9')))).toBe(5);
});

test('with tiers a limit by address still counts before any method, by the largest of them', async () => {
  const ground = await opened(`rate: 0.001, burst: 3, key: ip, tiers: [
    { name: gold, match: { claim: plan, value: gold }, rate: 0.001, burst: 8 }]`);
  const gold = await tokenOf(ground, { sub: 'a', plan: 'gold' });
  const plain = await tokenOf(ground, { sub: 'b' });
  expect(await passed(ground, 12, get('/internal/x', gold, from('203.0.113.1')))).toBe(8);
  expect(await passed(ground, 6, get('/internal/x', plain, from('203.0.113.2')))).toBe(3);
  const flood = await Promise.all(
    Array.from({ length: 20 }, () => ground.send(get('/internal/x', from('203.0.113.3')))),
  );
  expect(flood.map(statusOf).filter((status) => status === 401)).toHaveLength(8);
});

test('exempt are an address, a path, and who has a header of a method: not who sends one', async () => {
  const ground = await opened(`rate: 0.001, burst: 2, exemptions: [
    { type: ip, values: [198.51.100.0/24] }, { type: path, values: [/public/health, "/public/static/*"] },
    { type: header, name: X-Key-Name, value: alice }]`);
  expect(await passed(ground, 6, get('/public/x', from('198.51.100.7')))).toBe(6);
  expect(await passed(ground, 6, get('/public/health'))).toBe(6);
  expect(await passed(ground, 6, get('/public/static/a/b'))).toBe(6);
  expect(await passed(ground, 6, get('/api/v1/x', keyed))).toBe(6);
  expect(await passed(ground, 6, get('/public/healthy', from('203.0.113.1'), 'X-Key-Name: alice'))).toBe(2);
  expect(await passed(ground, 6, get('/public/HEALTH', from('203.0.113.2'), 'x_key_name: alice'))).toBe(2);
});

test('a quota counts besides the rate, on routes and for keys of their own limit too', async () => {
  const ground = await openGround({
    routes: `
  - { id: own, path: /own/*, upstream: backend, auth: none, rate_limit: { rate: 100, burst: 100 } }`,
    top: `rate_limit: { rate: 1000, burst: 1000, quotas: [{ name: yearly, window: 366d, limit: 4 }] }
trusted_proxies: [127.0.0.1]`,
  });
  expect(await passed(ground, 3, get('/public/x', from('203.0.113.1')))).toBe(3);
  expect(await passed(ground, 3, get('/own/x', from('203.0.113.1')))).toBe(1);
  expect(await passed(ground, 6, get('/own/x', from('203.0.113.2')))).toBe(4);
  const over = await ground.send(get('/own/x', from('203.0.113.2')));
  expect(over).toMatch(/^RateLimit-Policy: "default";q=4;w=31622400\r$/m);
});
