/** The Kubernetes manifests: mounts, probes, ports and commands that exist, and a rolling update that loses no request. */
import { checkCommand, compiled, documents, longestStop, loomFile, ports, read, SECRETS, secretsOf } from './file.js';

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly resources: { readonly requests: object; readonly limits: object };
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly subPath?: string }[];
}
interface PodSpec {
  readonly automountServiceAccountToken: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly containers: readonly [Container];
  readonly initContainers: readonly [Container];
  readonly volumes: readonly Readonly<Record<string, unknown>>[];
}
interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data: Readonly<Record<string, string>>;
  readonly stringData: Readonly<Record<string, string>>;
  readonly spec: {
    readonly replicas: number;
    readonly minAvailable: number;
    readonly strategy: object;
    readonly selector: Readonly<Record<string, unknown>>;
    readonly ports: readonly { readonly name: string; readonly port: number; readonly targetPort: string }[];
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec };
  };
}

const kinds = documents<Kind>('deploy/kubernetes.yaml');
function find(kind: string, name = 'loom-auth'): Kind {
  const found = kinds.find((each) => each.kind === kind && each.metadata.name === name);
  if (!found) throw new Error(`no ${kind} ${name}`);
  return found;
}
const deployment = find('Deployment').spec;
const pod = deployment.template.spec;
const [gateway] = pod.containers;
const [migrate] = pod.initContainers;
const containers = [gateway, migrate].map((each) => [each.name, each] as const);

test('its kinds have the versions of their interface', () => {
  expect(kinds.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)).toEqual([
    'v1 ConfigMap',
    'v1 Secret',
    'apps/v1 Deployment',
    'v1 Service',
    'v1 Service',
    'policy/v1 PodDisruptionBudget',
  ]);
});

test('the ConfigMap is deploy/loom.yaml, and loads', () => {
  const { 'loom.yaml': text = '', ...rest } = find('ConfigMap').data;
  expect(rest).toEqual({});
  expect(text.trim()).toBe(
    read('deploy/loom.yaml')
      .replace(/^#.*\n/, '')
      .trim(),
  );
  expect(compiled(text).plan.routes).toHaveLength(2);
});

test('the Secret has every key that the file reads, and no value', () => {
  const { stringData } = find('Secret');
  expect(Object.keys(stringData).sort()).toEqual(secretsOf(read('deploy/loom.yaml')));
  expect(new Set(Object.values(stringData))).toEqual(new Set(['']));
});

test.each(containers)('%s: its command exists, and its file and secrets are mounted as folders', (_name, container) => {
  checkCommand(container.args);
  const mounts = container.volumeMounts;
  expect(mounts.map(({ mountPath }) => mountPath)).toEqual(['/etc/loom-auth', SECRETS]);
  expect(container.args.at(-1)).toBe('/etc/loom-auth/loom.yaml');
  expect(mounts.filter(({ subPath }) => subPath !== undefined)).toEqual([]);
  expect(pod.volumes).toEqual([
    { name: mounts[0]?.name, configMap: { name: find('ConfigMap').metadata.name } },
    { name: mounts[1]?.name, secret: { secretName: find('Secret').metadata.name, defaultMode: 0o440 } },
  ]);
});

test.each(containers)('%s: it has no privileges, a read-only root, and resources', (_name, container) => {
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  expect(Object.keys(container.resources.requests)).toEqual(['cpu', 'memory']);
  expect(container.resources.limits).toHaveProperty('memory');
});

test('the pod is the user of the image, and has no token of the cluster', () => {
  expect(pod.automountServiceAccountToken).toBe(false);
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 });
  expect(read('Dockerfile')).toContain('USER 1000:1000');
});

test('ports and probes are those of the file', () => {
  const { http, admin } = ports();
  const health = loomFile().plan.health?.path;
  expect(gateway.ports).toEqual([
    { name: 'http', containerPort: http },
    { name: 'admin', containerPort: admin },
  ]);
  for (const probe of [gateway.startupProbe, gateway.readinessProbe])
    expect(probe?.httpGet).toEqual({ path: health, port: 'http' });
  expect(gateway.livenessProbe?.httpGet).toEqual({ path: '/health', port: 'admin' });
  expect(read('src/admin/pages.ts')).toContain("'/health'");
});

test('services lead to named ports, and the admin address has a service of its own', () => {
  const labels = deployment.template.metadata.labels;
  const [front, back] = [find('Service'), find('Service', 'loom-auth-admin')];
  expect([front.spec.selector, back.spec.selector]).toEqual([labels, labels]);
  expect(front.spec.ports.map(({ targetPort }) => targetPort)).toEqual(['http']);
  expect(back.spec.ports).toEqual([{ name: 'admin', port: ports().admin, targetPort: 'admin' }]);
});

test('an update or a drained node leaves gateways that answer', () => {
  expect(deployment.strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } });
  const budget = find('PodDisruptionBudget').spec;
  expect(budget.minAvailable).toBeLessThan(deployment.replicas);
  expect(budget.selector).toEqual(deployment.selector);
  expect(deployment.selector).toEqual({ matchLabels: deployment.template.metadata.labels });
});

test('the process has its whole time to stop, and balancers see it first', () => {
  expect(gateway).not.toHaveProperty('lifecycle');
  expect(loomFile().plan.shutdown.delayMs).toBe(5_000);
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(longestStop());
});
