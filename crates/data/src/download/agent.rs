//! Connection settings.

use std::time::Duration;
use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;

const CONNECT: Duration = Duration::from_secs(20);
/// Timeout of a connection that transfers no data.
const SILENCE: Duration = Duration::from_secs(30);

/// The agent for this address. HTTPS requests are never redirected to HTTP.
pub(super) fn agent(url: &str, silence: Option<Duration>) -> ConfigBuilder<AgentScope> {
    let silence = silence.unwrap_or(SILENCE);
    let mut config = ureq::Agent::config_builder();
    if url.starts_with("http://127.0.0.1:") {
        config = config.proxy(None); // this machine is not reached through the proxy
    }
    config
        .https_only(url.starts_with("https://"))
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(silence))
        .timeout_per_read(Some(silence))
        .user_agent(concat!("receptive/", env!("CARGO_PKG_VERSION")))
}
