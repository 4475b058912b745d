//! The plugin of Loom's page on authentication, whole: its `impl HttpContext` stands here as it stands there.
use proxy_wasm::traits::*;
use proxy_wasm::types::*;

struct AuthPlugin;

impl HttpContext for AuthPlugin {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        // Get API key
        let api_key = match self.get_http_request_header("X-API-Key") {
            Some(key) => key,
            None => {
                self.send_http_response(
                    401,
                    vec![("Content-Type", "application/json")],
                    Some(b"{\"error\": \"Missing API key\"}"),
                );
                return Action::Pause;
            }
        };

        // Validate key (call external service, check database, etc.)
        if !self.validate_api_key(&api_key) {
            self.send_http_response(
                403,
                vec![("Content-Type", "application/json")],
                Some(b"{\"error\": \"Invalid API key\"}"),
            );
            return Action::Pause;
        }

        // Add user info header for backend
        self.add_http_request_header("X-Authenticated-User", "user123");

        Action::Continue
    }
}

impl Context for AuthPlugin {}

proxy_wasm::main! {{
    proxy_wasm::set_http_context(|_, _| -> Box<dyn HttpContext> { Box::new(AuthPlugin) });
}}

const API_KEY: &str = "sk_example_orders";

impl AuthPlugin {
    /// Takes as long for a key that is wrong at its end as for one that is wrong at its start.
    fn validate_api_key(&self, api_key: &str) -> bool {
        let differing = api_key.bytes().zip(API_KEY.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
        api_key.len() == API_KEY.len() && differing == 0
    }
}
