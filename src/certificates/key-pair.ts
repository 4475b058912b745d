/** Judges a certificate file together with the file of its private key, as a TLS server or client would use them. */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';

export interface PairFinding {
  /** The file that is wrong. */
  readonly of: 'cert' | 'key';
  /** `error`: TLS cannot start. `warning`: peers refuse the certificate. */
  readonly level: 'error' | 'warning';
  readonly message: string;
  /** The file cannot be parsed. */
  readonly unreadable?: true;
}

export interface KeyPair {
  /** PEM: the certificate, then its chain. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

const error = (of: PairFinding['of'], message: string): PairFinding => ({ of, level: 'error', message });
const unreadable = (of: PairFinding['of'], message: string): PairFinding => ({
  ...error(of, message),
  unreadable: true,
});

/** @param now Milliseconds since the epoch. */
export function judgeKeyPair({ cert, key }: KeyPair, now: number): readonly PairFinding[] {
  const chain = readChain(cert);
  const secret = readKey(key);
  const [leaf, ...others] = chain ?? [];
  if (!leaf)
    return [
      unreadable('cert', 'holds a certificate that cannot be parsed'),
      ...(typeof secret === 'string' ? [unreadable('key', secret)] : []),
    ];
  const pair = typeof secret === 'string' ? [unreadable('key', secret)] : judgeMatch(leaf, others, secret);
  return [...pair, ...(chain ?? []).flatMap((each, at) => judgeTime(each, { at, now }))];
}

function readChain(text: string): readonly X509Certificate[] | undefined {
  const blocks = text.match(
    /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g,
  );
  try {
    return (blocks ?? []).map((block) => new X509Certificate(block));
  } catch {
    return undefined;
  }
}

/** The key, or why there is none. */
function readKey(text: string): KeyObject | string {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text))
    return 'holds an encrypted key; write the key without a passphrase';
  try {
    return createPrivateKey(text);
  } catch {
    return 'holds a private key that cannot be parsed';
  }
}

function judgeMatch(leaf: X509Certificate, others: readonly X509Certificate[], key: KeyObject): readonly PairFinding[] {
  if (leaf.checkPrivateKey(key)) return [];
  if (others.some((each) => each.checkPrivateKey(key)))
    return [error('cert', 'must begin with the certificate of the key; its chain follows')];
  return [error('key', 'holds the key of another certificate')];
}

interface When {
  /** The place in the chain. */
  readonly at: number;
  readonly now: number;
}

function judgeTime({ validFromDate, validToDate }: X509Certificate, { at, now }: When): readonly PairFinding[] {
  const which = at === 0 ? 'the certificate' : `certificate ${at + 1} of the file`;
  const warning = (message: string): PairFinding => ({ of: 'cert', level: 'warning', message });
  if (validToDate.getTime() <= now)
    return [warning(`${which} has expired at ${validToDate.toISOString()}: peers refuse it`)];
  if (validFromDate.getTime() > now)
    return [warning(`${which} is not valid before ${validFromDate.toISOString()}: peers refuse it until then`)];
  return [];
}
