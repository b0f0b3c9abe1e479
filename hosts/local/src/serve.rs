//! Starts and stops all parts in order.

use std::sync::Arc;

use anyhow::Context as _;
use consign_core::auth::Authenticator;
use consign_core::ports::Clock as _;
use consign_host::System;
use consign_sql::SqlRepo;
use tokio_util::sync::CancellationToken;

use crate::args::ServeArgs;
use crate::bodies::Bodies;
use crate::environment::ServeEnvironment;
use crate::host::host;
use crate::listen::listen;
use crate::metrics::Metrics;
use crate::policy::configure;
use crate::running::Running;
use crate::s3::S3;
use crate::site::Site;
use crate::{TOKEN_FILE, consumer, http, limits, log, private, store, welcome};

/// Serves until it receives SIGINT or SIGTERM.
///
/// # Errors
/// If it cannot start.
pub async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    log::install(args.log);
    private::from_now_on();
    let stop = CancellationToken::new();
    let running = start(&args, &ServeEnvironment::of_process()?, stop.clone()).await?;
    eprint!("{}", welcome::text(&running));
    stop_on_signal(stop.clone())?;
    running.wait().await;
    Ok(())
}

/// Starts all parts and returns when requests are answered.
///
/// # Errors
/// If it cannot start.
pub async fn start(
    args: &ServeArgs,
    environment: &ServeEnvironment,
    stop: CancellationToken,
) -> anyhow::Result<Running> {
    // 1. The folder, the secrets and the policy.
    args.check()?;
    let open_files = consign_listener::raise_open_files();
    private::make(&args.data)?;
    let (config, session) = configure(args, environment)?;
    // 2. The records and the queue.
    let repo = SqlRepo::open(&args.data.join("consign.db"))
        .await
        .context("the database of the records cannot be opened")?;
    // 3. The address of the functions. The store must know it for the CORS rules of the page.
    let listener = listen(args.listen).await?;
    let address = listener.local_addr()?;
    let own = [
        format!("http://{address}"),
        format!("http://localhost:{}", address.port()),
    ];
    let origins: Vec<String> = own.iter().chain(&config.store.origins).cloned().collect();
    // 4. The store: embedded, or another S3.
    let s3 = S3::find(&args.s3, &config.store, &environment.variables)?;
    let (parts, store) = match &s3 {
        Some(s3) => (store::external(s3, &config, repo).await?, None),
        None => {
            let (parts, running) = store::embedded(args, &config, repo, origins).await?;
            (parts, Some(running))
        }
    };
    let public_url = parts.public_endpoint.clone();
    let copies_unsigned = parts.provider.capabilities().copies_unsigned;
    // 5. The functions over HTTP, the consumer and the sweep.
    let authenticator = Authenticator::new(&config.auth)?;
    let token = session
        .as_ref()
        .map(|session| session.token(System.now()))
        .map(|token| token.context("the development secret is too short"))
        .transpose()?;
    if let Some(token) = &token {
        private::write(&args.data.join(TOKEN_FILE), token)?;
    }
    let foreign = config.store.origins.clone();
    let host = Arc::new(host(config, authenticator, parts));
    let metrics = Arc::new(Metrics::new()?);
    let site = Arc::new(Site {
        host: Arc::clone(&host),
        metrics: Arc::clone(&metrics),
        bodies: Bodies::new(),
        session,
        store_url: public_url.clone(),
        event_token: s3.and_then(|s3| s3.event_token),
    });
    let consumer = consumer::start(host, metrics, stop.clone())?;
    let routes = http::routes(site, &foreign);
    let limits = limits::limits(open_files);
    let served = consign_listener::serve(listener, routes, limits, stop);
    Ok(Running {
        base_url: format!("http://{address}"),
        store_url: public_url,
        token,
        copies_unsigned,
        http: tokio::spawn(served),
        consumer,
        store,
    })
}

fn stop_on_signal(stop: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        stop.cancel();
    });
    Ok(())
}
