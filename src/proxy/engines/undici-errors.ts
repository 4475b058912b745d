/** Translates undici's errors into those of Node's HTTP client, so that both engines have the same outcomes. */
import type { AnswerHead } from '../engine.js';
import { codeOf, UpstreamInvalid } from '../failure.js';

/** The upstream closed the connection before the head of its response. */
class ConnectionEnded extends Error {
  override readonly name = 'ConnectionEnded';
  readonly code = 'ECONNRESET';
}

/** The messages of undici's `SocketError` for a connection that has ended. Its other messages name an invalid response. */
const ENDED: ReadonlySet<string> = new Set(['other side closed', 'closed', 'destroyed']);

/** The parser's reason for a connection that closed inside a chunked body. */
const ENDED_INSIDE = 'Invalid EOF state';

/** The upstream closed the connection inside its response. */
function endedInside(cause: Error): UpstreamInvalid {
  return new UpstreamInvalid('closed without a whole answer', { cause });
}

/** `answer` is the response whose head has arrived. */
export function translated(error: Error, answer: AnswerHead | undefined): Error {
  if (isEnd(error, answer)) return answer ? endedInside(error) : new ConnectionEnded('no response', { cause: error });
  return isInvalid(error) ? new UpstreamInvalid(error.message, { cause: error }) : error;
}

function isEnd(error: Error, answer: AnswerHead | undefined): boolean {
  if (error.name === 'HTTPParserError') return error.message.includes(ENDED_INSIDE);
  const code = codeOf(error);
  if (code === 'UND_ERR_SOCKET') return ENDED.has(error.message);
  // The body is shorter than its length. Without a head, or with a transfer coding, the head itself was invalid.
  return code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' && answer !== undefined && !isCoded(answer);
}

/** An assertion of undici fails for a response that its parser should have refused. */
function isInvalid(error: Error): boolean {
  const code = codeOf(error);
  return error.name === 'HTTPParserError' || code.startsWith('UND_ERR_') || code === 'ERR_ASSERTION';
}

const isCoded = ({ headers }: AnswerHead): boolean => headers['transfer-encoding'] !== undefined;
