/** The plugin of Loom's page on authentication, in AssemblyScript. */
export * from '@gcoredev/proxy-wasm-sdk-as/assembly/proxy';
import {
  Context,
  FilterHeadersStatusValues,
  Headers,
  makeHeaderPair,
  registerRootContext,
  RootContext,
  send_http_response,
  stream_context,
} from '@gcoredev/proxy-wasm-sdk-as/assembly';

const API_KEY = 'sk_example_orders';

class AuthRoot extends RootContext {
  createContext(context_id: u32): Context {
    return new AuthPlugin(context_id, this);
  }
}

class AuthPlugin extends Context {
  constructor(context_id: u32, root_context: AuthRoot) {
    super(context_id, root_context);
  }

  onRequestHeaders(_headers: u32, _end_of_stream: bool): FilterHeadersStatusValues {
    const apiKey = stream_context.headers.request.get('X-API-Key');
    // The SDK knows no difference between an empty header and none.
    if (apiKey == '') return refuse(401, '{"error": "Missing API key"}');
    if (!validateApiKey(apiKey)) return refuse(403, '{"error": "Invalid API key"}');
    stream_context.headers.request.add('X-Authenticated-User', 'user123');
    return FilterHeadersStatusValues.Continue;
  }
}

function refuse(status: u32, body: string): FilterHeadersStatusValues {
  const headers: Headers = [makeHeaderPair('Content-Type', 'application/json')];
  send_http_response(status, '', String.UTF8.encode(body), headers);
  return FilterHeadersStatusValues.StopIteration;
}

/** Takes as long for a key that is wrong at its end as for one that is wrong at its start. */
function validateApiKey(apiKey: string): bool {
  let differing = apiKey.length ^ API_KEY.length;
  for (let at = 0; at < API_KEY.length; at++) {
    differing |= (at < apiKey.length ? apiKey.charCodeAt(at) : 0) ^ API_KEY.charCodeAt(at);
  }
  return differing == 0;
}

registerRootContext((context_id: u32) => new AuthRoot(context_id), 'auth-as');
