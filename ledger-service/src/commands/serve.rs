//! `ledger serve`: the service, until it is told to stop.

use std::{fs, os::unix::fs::DirBuilderExt, path::Path};

use anyhow::{Context, Result};
use ledger_core::{Auditor, Ledger};
use ledger_service::{
    app::App,
    config::{DatabaseUrl, Limits, Settings},
    jobs::audit::audit_every,
    postgres::{Database, data_dir},
    secret::{KeyKind, Secret},
    telemetry,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use super::{
    credentials::{Credentials, OPERATOR_KEY},
    demo::introduce,
};

/// What `ledger serve` can be told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    settings: Settings,
    /// Also make a tenant with money and a key, and print how to charge it.
    #[arg(long)]
    demo: bool,
}

/// Serves until SIGTERM or Ctrl-C, and then until everything in flight is answered.
///
/// # Errors
/// When the database cannot be trusted or the address is taken.
pub(crate) async fn serve(args: ServeArgs) -> Result<()> {
    telemetry::install_log(args.settings.log);
    let data_dir = data_dir(args.settings.data_dir.as_deref())?;
    // Its owner's alone: credentials will lie in it.
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&data_dir)
        .with_context(|| format!("cannot make {}", data_dir.display()))?;
    let url = args.settings.database_url.as_ref().map(DatabaseUrl::reveal);
    let database = Database::serve(url, Some(&data_dir)).await?;
    let served = run(&args, &data_dir, &database).await;
    // Also when it failed: no server is left behind.
    let left = database.leave().await;
    served.and(left)
}

async fn run(args: &ServeArgs, data_dir: &Path, database: &Database) -> Result<()> {
    let ledger = Ledger::connect(database.url()).await?;
    let audits = match args.settings.audit_every {
        Some(pause) => Some(tokio::spawn(audit_every(pause, Auditor::connect(database.url()).await?))),
        None => None,
    };
    let store_connections_max = args.settings.database_connections;
    let limits = Limits { store_connections_max, ..Limits::default() }.within_files(open_files_max());
    let app = App::start(ledger, database.url(), limits)?;
    let served = listen(args, data_dir, &app).await;
    if let Some(audits) = audits {
        // In the middle of one nothing is half done: it reads, and each account it takes out of service is a commit of its own.
        audits.abort();
    }
    app.close().await;
    served
}

async fn listen(args: &ServeArgs, data_dir: &Path, app: &App) -> Result<()> {
    let stop = told_to_stop()?;
    make_first_operator(&args.settings, data_dir, app).await?;
    let listen = args.settings.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "serving");
    let mut serving = tokio::spawn({
        let app = app.clone();
        async move { app.serve(listener, stop).await }
    });
    if args.demo {
        tokio::select! {
            introduced = introduce(address, data_dir) => introduced?,
            // Told to stop before the demo tenant was there: nobody would answer what it still has to ask.
            served = &mut serving => return Ok(served?),
        }
    }
    serving.await?;
    tracing::info!("everything in flight is answered");
    Ok(())
}

/// The key of the first operator: the one that was set, or one that is made here and kept where only its owner can read.
async fn make_first_operator(settings: &Settings, data_dir: &Path, app: &App) -> Result<()> {
    if app.has_operators().await? {
        return Ok(());
    }
    if let Some(key) = &settings.operator_key {
        app.seed_operator(key.secret()).await?;
        return Ok(());
    }
    let mut credentials = Credentials::read(data_dir)?;
    let kept = credentials.get(OPERATOR_KEY).map(str::parse::<Secret>).transpose()?;
    let key = match kept {
        Some(key) => key,
        None => {
            let key = Secret::generate(KeyKind::Operator);
            // Kept before it opens anything: a crash in between must not lose it.
            credentials.set(OPERATOR_KEY, key.reveal())?;
            key
        }
    };
    if app.seed_operator(&key).await? {
        tracing::info!(credentials = %credentials.path().display(), "the first operator's key is kept here");
    }
    Ok(())
}

/// Raises the number of files that this process may have open to the most that it is allowed, and says how many that are.
fn open_files_max() -> usize {
    let allowed = getrlimit(Resource::Nofile);
    // Whoever may not raise it stays with what there is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: allowed.maximum, maximum: allowed.maximum });
    getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
}

fn told_to_stop() -> Result<impl Future<Output = ()> + Send> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: nobody new is let in");
    })
}
