/** Converts the JSON lines of pino to text lines: time, level, message, then the fields as `name=value`. */
import { pino, type DestinationStream } from 'pino';

/**
 * @example textStream(process.stderr) // 2026-01-02T03:04:05.678Z WARN upstream failed status=502 code="upstream_timeout"
 */
export function textStream(stream: DestinationStream): DestinationStream {
  return { write: (line) => stream.write(`${textOf(line)}\n`) };
}

function textOf(line: string): string {
  const { time, level, msg, ...facts } = JSON.parse(line) as Record<string, unknown>;
  delete facts['name'];
  const label = (pino.levels.labels[Number(level)] ?? 'info').toUpperCase();
  // JSON keeps a client's text on one line and inside its quotes.
  const pairs = Object.entries(facts).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [String(time), label, String(msg), ...pairs].join(' ');
}
