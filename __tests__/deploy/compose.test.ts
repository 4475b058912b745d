/** The Compose file names files, secrets, services, ports and commands that exist. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { checkCommand, documents, loomFile, ports, read, ROOT, SECRETS, secretsOf } from './file.js';

interface Service {
  readonly build?: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly disable?: boolean; readonly test?: readonly string[] };
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const [compose] = documents<Compose>('deploy/compose.yaml') as readonly [Compose];
const { services, secrets } = compose;
const own = Object.entries(services).filter(([, { image }]) => image === 'loom-auth');
const serviceOf = (name: string): Service => services[name] ?? { image: 'no such service' };

test('it has the gateway and all that the file of the gateway needs', () => {
  expect(Object.keys(services).sort()).toEqual(['gateway', 'migrate', 'postgres', 'prometheus', 'redis', 'upstream']);
});

test.each(own)('%s: its command exists and reads the mounted file', (_name, { command = [], volumes }) => {
  checkCommand(command);
  expect(volumes).toEqual([`./loom.yaml:${command.at(-1)}:ro`]);
});

test.each(own)('%s: it has every secret of the file', (_name, { secrets: given = [] }) => {
  expect([...given].sort()).toEqual(secretsOf(read('deploy/loom.yaml'), SECRETS));
});

test.each(Object.entries(services))('%s: files, secrets and services that it names exist', (_name, service) => {
  const sources = (service.volumes ?? []).map((volume) => volume.split(':')[0] ?? '');
  const files = sources.filter((source) => source.startsWith('.'));
  expect(files.filter((file) => !existsSync(join(ROOT, 'deploy', file)))).toEqual([]);
  const named = sources.filter((source) => !source.startsWith('.'));
  expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(named));
  expect(Object.keys(secrets)).toEqual(expect.arrayContaining([...(service.secrets ?? [])]));
  const texts = JSON.stringify(service);
  const read = Array.from(texts.matchAll(/\/run\/secrets\/([\w-]+)/g), ([, name = '']) => name);
  expect([...(service.secrets ?? [])]).toEqual(expect.arrayContaining(read));
  for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
    const other = serviceOf(name);
    const healthy = other.healthcheck?.test !== undefined || other.build !== undefined;
    expect([name, condition]).toEqual([name, healthy ? 'service_healthy' : 'service_completed_successfully']);
  }
});

test.each(Object.entries(services))('%s: no value of a secret is in it', (_name, { environment = {} }) => {
  const names = Object.keys(environment).filter((name) => /pass|token|secret|url/i.test(name));
  expect(names.filter((name) => !name.endsWith('_FILE'))).toEqual([]);
});

test.each(Object.entries(services))('%s: it gains no privileges', (name, service) => {
  expect(service.security_opt).toEqual(['no-new-privileges:true']);
  // The database writes its own files, and begins as root.
  if (name !== 'postgres') expect([service.read_only, service.cap_drop]).toEqual([true, ['ALL']]);
});

test('its ports and names are those of the file', () => {
  const { plan } = loomFile();
  const { http, admin } = ports();
  expect(serviceOf('gateway').ports).toEqual([`${http}:${http}`]);
  expect(JSON.stringify(plan.rateLimit?.distributed?.redis)).toContain('redis');
  expect(read('deploy/loom.yaml')).toContain('redis://redis:6379');
  expect(plan.upstreams[0]?.endpoints.map(({ url }) => url)).toEqual(['http://upstream:9001']);
  expect(serviceOf('upstream').command?.at(-1)).toContain('listen(9001)');
  const [prometheus] = documents<Prometheus>('deploy/prometheus.yml') as readonly [Prometheus];
  const [job] = prometheus.scrape_configs;
  expect(job?.static_configs).toEqual([{ targets: [`gateway:${admin}`] }]);
  expect(job?.metrics_path).toBe(plan.metrics?.path);
  expect(job?.authorization.credentials_file).toBe(`${SECRETS}/scrape-token`);
  const mounted = (serviceOf('prometheus').volumes ?? []).map((volume) => volume.split(':')[1]);
  expect(mounted).toEqual(expect.arrayContaining([...prometheus.rule_files, '/etc/prometheus/prometheus.yml']));
});

test('the programs in it are JavaScript', () => {
  const [, , program = ''] = serviceOf('upstream').command ?? [];
  expect(() => new Script(program.replaceAll('$$', '$'))).not.toThrow();
  // Compose replaces a single dollar sign itself.
  expect(read('deploy/compose.yaml').replaceAll('$$', '')).not.toContain('$');
});

interface Prometheus {
  readonly rule_files: readonly string[];
  readonly scrape_configs: readonly {
    readonly metrics_path: string;
    readonly authorization: { readonly credentials_file: string };
    readonly static_configs: readonly object[];
  }[];
}
