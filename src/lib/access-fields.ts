/** The names of the access-log fields and the log events, for the file and the log. */

const MEANINGS = {
  request_id: 'Id of the request, where `logging.request_id` is set.',
  client: 'Client address, behind the trusted proxies.',
  method: 'HTTP method.',
  host: 'Value of `Host`.',
  path: 'Path of the request, without its query.',
  status: 'Status of the response.',
  duration_ms: 'Milliseconds from the request to the end of the response.',
  bytes: 'Bytes that the connection sent for this request.',
  route: 'Id of the route; absent if no route was chosen.',
  outcome: 'What the decision was.',
  auth_method: 'Auth method that accepted or refused the request.',
  subject: 'Subject of the first identity.',
  reason: 'Reason of the refusal.',
  user_agent: 'Value of `User-Agent`, cut after 512 characters.',
} as const;

export type AccessField = keyof typeof MEANINGS;

/** Every field of an access line, with what it holds. */
export const ACCESS_FIELD_MEANINGS: Readonly<Record<AccessField, string>> = MEANINGS;

export const ACCESS_FIELDS = Object.keys(MEANINGS) as [AccessField, ...AccessField[]];

/** Every value of `event` in a log line, with when the line is written. */
export const LOG_EVENTS = {
  access: 'A request has ended. The line has the fields of `logging.access.fields`.',
  config: 'A configuration was loaded, refused or warned about.',
  audit: 'An operator called a page of the admin address. The line has no part of the question.',
  denied: 'A request was refused. `instance` is the same as in the response, and `detail` says why.',
  omitted: '`logging.denied.sample` left out lines with this `reason` in the last second.',
  shadow: 'A shadow file was loaded or rejected, or decides otherwise about a request.',
  key: 'An API key of the store was created, rotated, revoked or imported.',
  key_store: 'The store of API keys does not answer, answers again, or has a record that is refused.',
  failed: 'An upstream or the gateway failed on a request. The line has the fields of `denied`.',
} as const;
