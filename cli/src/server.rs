//! The server that the commands call, and the token that they send.

use std::path::Path;

use clap::Args;
use consign_client::Client;
use consign_local::TOKEN_FILE;
use reqwest::Url;

use crate::environment::CliEnvironment;

/// The server and the token.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgs {
    /// Base URL of the server
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "CONSIGN_URL",
        default_value = "http://127.0.0.1:8080"
    )]
    url: String,
    /// Bearer token [default: .consign/token, which `consign serve` writes in development, for a local server]
    #[arg(
        long,
        global = true,
        value_name = "JWT",
        env = "CONSIGN_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
}

impl ServerArgs {
    pub(crate) fn client(&self, environment: &CliEnvironment) -> anyhow::Result<Client> {
        let given = self.token.clone().filter(|token| !token.is_empty());
        let token = given.or_else(|| self.token_of_this_machine(&environment.cwd));
        Ok(Client::new(&self.url, token)?)
    }

    /// Returns the development token. It is sent to the local machine only, never to another host in `--url`.
    fn token_of_this_machine(&self, cwd: &Path) -> Option<String> {
        let url = Url::parse(&self.url).ok()?;
        let host = url
            .host_str()?
            .trim_start_matches('[')
            .trim_end_matches(']');
        let is_here = host == "localhost"
            || host
                .parse()
                .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        let text = std::fs::read_to_string(cwd.join(".consign").join(TOKEN_FILE))
            .ok()
            .filter(|_| is_here)?;
        Some(text.trim().to_owned()).filter(|token| !token.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_this_machine_is_not_sent_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".consign")).unwrap();
        std::fs::write(folder.path().join(".consign").join(TOKEN_FILE), "t0k\n").unwrap();
        let token = |url: &str| {
            let server = ServerArgs {
                url: url.to_owned(),
                token: None,
            };
            server.token_of_this_machine(folder.path())
        };
        assert_eq!(token("http://127.0.0.1:8080").as_deref(), Some("t0k"));
        assert_eq!(token("http://[::1]:1/").as_deref(), Some("t0k"));
        assert_eq!(token("http://localhost").as_deref(), Some("t0k"));
        assert_eq!(token("https://files.example.org"), None);
        assert_eq!(token("http://127.0.0.1.example.org"), None);
    }
}
