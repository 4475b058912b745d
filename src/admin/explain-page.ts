/** The page that explains a request to an operator, by the rules and the keys of the running gateway. */
import type { Explanation } from '../runtime/explain/explanation.js';
import { json, type AdminPage, type Page } from './page.js';

/** Throws a TypeError for a description that is no request. */
export type ExplainTo = (request: unknown, asker: string) => Promise<Explanation>;

export function explainPage(explain: ExplainTo): AdminPage {
  return {
    path: '/explain',
    role: 'operator',
    methods: ['POST'],
    answer: ({ body, client }) => answer(explain, body, client),
  };
}

async function answer(explain: ExplainTo, body: unknown, client: string): Promise<Page> {
  try {
    const explanation = await explain(body, client);
    // Nothing is said about the credential: the operator's own attempts have spent the budget.
    if (explanation.methods.some(({ reason }) => reason === 'throttled'))
      return json(429, { error: 'too many wrong credentials were explained; try again in a while' });
    return json(200, explanation);
  } catch (cause) {
    // The message has no value of the request.
    if (cause instanceof TypeError && cause.message.startsWith('explain')) return json(400, { error: cause.message });
    throw cause;
  }
}
