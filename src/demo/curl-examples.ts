/** The curl lines of the demo: for each auth method, one accepted and one refused request. */

export interface ExampleFacts {
  readonly http: string;
  readonly https: string;
  readonly issuer: string;
  readonly directory: string;
  readonly apiKey: string;
  readonly password: string;
  readonly client: { readonly id: string; readonly secret: string };
}

export interface Call {
  readonly status: number;
  readonly why: string;
  readonly curl: string;
}

export interface ExampleGroup {
  readonly title: string;
  readonly calls: readonly Call[];
}

/** Double quotes and `$(cat …)` mean the same to sh, bash, zsh and PowerShell. */
const header = (value: string): string => `-H "${value}"`;

function curlExamples(facts: ExampleFacts): readonly ExampleGroup[] {
  return [...open(facts), ...secrets(facts), ...tokens(facts), ...certificates(facts)];
}

function open({ http }: ExampleFacts): readonly ExampleGroup[] {
  return [
    {
      title: 'public: no credential; an identity header that the client invents does not get through',
      calls: [
        { status: 200, why: 'open on purpose', curl: `curl -i ${header('X-User-ID: root')} ${http}/public/hello` },
        { status: 404, why: 'no route, no upstream', curl: `curl -i ${http}/nowhere` },
      ],
    },
  ];
}

function secrets({ http, apiKey, password }: ExampleFacts): readonly ExampleGroup[] {
  const key = header(`X-API-Key: ${apiKey}`);
  return [
    {
      title: 'api_key',
      calls: [
        { status: 200, why: 'the right key', curl: `curl -i ${key} ${http}/api/v1/orders` },
        { status: 401, why: 'a wrong key', curl: `curl -i ${header('X-API-Key: sk_wrong')} ${http}/api/v1/orders` },
      ],
    },
    {
      title: 'basic',
      calls: [
        { status: 200, why: 'the right password', curl: `curl -i -u "admin:${password}" ${http}/admin/users` },
        { status: 401, why: 'a wrong password', curl: `curl -i -u "admin:guess" ${http}/admin/users` },
      ],
    },
    {
      title: 'any: a JWT or an API key',
      calls: [
        { status: 200, why: 'the key is enough', curl: `curl -i ${key} ${http}/api/orders` },
        { status: 401, why: 'neither', curl: `curl -i ${http}/api/orders` },
      ],
    },
  ];
}

function tokens({ http, directory }: ExampleFacts): readonly ExampleGroup[] {
  const bearer = (file: string): string => header(`Authorization: Bearer $(cat ${directory}/${file})`);
  return [
    {
      title: 'jwt',
      calls: [
        { status: 200, why: 'signed by the issuer', curl: `curl -i ${bearer('alice.jwt')} ${http}/internal/report` },
        { status: 401, why: 'expired', curl: `curl -i ${bearer('expired.jwt')} ${http}/internal/report` },
      ],
    },
    {
      title: 'oauth: an opaque token, introspected at the issuer',
      calls: [
        { status: 200, why: 'active', curl: `curl -i ${bearer('partner.token')} ${http}/reports/today` },
        {
          status: 403,
          why: 'active, but without the scope',
          curl: `curl -i ${bearer('visitor.token')} ${http}/reports/today`,
        },
      ],
    },
  ];
}

function certificates({ https, directory }: ExampleFacts): readonly ExampleGroup[] {
  const trust = `--cacert ${directory}/ca.pem`;
  const shown = `${trust} --cert ${directory}/client.pem --key ${directory}/client-key.pem`;
  const bearer = header(`Authorization: Bearer $(cat ${directory}/alice.jwt)`);
  return [
    {
      title: 'mtls',
      calls: [
        { status: 200, why: 'a certificate of the CA', curl: `curl -i ${shown} ${https}/service/status` },
        { status: 401, why: 'no certificate', curl: `curl -i ${trust} ${https}/service/status` },
      ],
    },
    {
      title: 'all: a JWT and a certificate',
      calls: [
        { status: 200, why: 'both', curl: `curl -i ${shown} ${bearer} ${https}/vault/keys` },
        { status: 401, why: 'the certificate alone', curl: `curl -i ${shown} ${https}/vault/keys` },
      ],
    },
  ];
}

/** Prints the status on a separate line, so that a user can copy a whole line. */
export function formatExamples(facts: ExampleFacts): string {
  const groups = curlExamples(facts).map(({ title, calls }) =>
    [title, ...calls.map(({ status, why, curl }) => `  # ${status}: ${why}\n  ${curl}`)].join('\n'),
  );
  const { id, secret } = facts.client;
  const more = [
    'a new token from the issuer',
    `  # 200: client credentials`,
    `  curl -i -u "${id}:${secret}" -d grant_type=client_credentials ${facts.issuer}/token`,
  ].join('\n');
  return [...groups, more].join('\n\n');
}
