/** The words that an access log can be asked for: the file names them, the log writes them. */

/** What a line can say. */
export const ACCESS_FIELDS = [
  'request_id',
  'client',
  'method',
  'host',
  'path',
  'status',
  'duration_ms',
  'bytes',
  'route',
  'outcome',
  'auth_method',
  'subject',
  'reason',
  'user_agent',
] as const;

export type AccessField = (typeof ACCESS_FIELDS)[number];
