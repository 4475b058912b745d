/** What `oauth` uses for an explanation that may not ask the introspection endpoint. */
import { notEvaluated } from '../../aside.js';

/** Replaces the endpoint. Without a URL the endpoint would be discovered. */
export const NEVER_ASKED = 'about:blank';

export const NOT_ASKED = notEvaluated(
  'introspection',
  'introspection_unavailable',
  'the introspection endpoint decides, and it was not asked',
);
