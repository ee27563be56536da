//! `ledger demo`: bills a usage file through HTTP, as a gateway would, and shows that the books are right.
//!
//! Each line's number is its key. So whatever is interrupted, this program or the service, the same command goes on where it
//! stopped and charges nothing twice.

mod client;
mod seed;
mod usage;

use std::{
    env,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use ledger_core::Money;
use ledger_service::postgres::data_dir;
use rust_decimal::RoundingStrategy;
use serde_json::json;
use tokio::{
    process::{Child, Command},
    time::sleep,
};

use self::{
    client::Client,
    seed::{CURRENCY, Demo},
    usage::{Line, Price},
};
use super::credentials::{Credentials, DEMO_KEY, OPERATOR_KEY};

/// How long a service may take to be ready, making its database included.
const READY_PATIENCE: Duration = Duration::from_secs(60);
const READY_POLL: Duration = Duration::from_millis(50);

/// What `ledger demo` can be told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Requests to bill: CSV whose second and third column are tokens in and out. A small file is made up if absent.
    #[arg(long)]
    usage: Option<PathBuf>,
    /// Prices: CSV with the columns model, input_usd_per_token and output_usd_per_token. Made up if absent.
    #[arg(long)]
    prices: Option<PathBuf>,
    /// Which line of the price file.
    #[arg(long, default_value = "gpt-4o")]
    model: String,
    /// Charges under way at once.
    #[arg(long, default_value_t = 64)]
    in_flight: usize,
    /// Where the service is, or is started.
    #[arg(long, env = "LEDGER_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where its credentials are.
    #[arg(long, env = "LEDGER_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

/// Bills the file, and has the books audited. Says whether they hold.
///
/// # Errors
/// When a charge is refused.
pub(crate) async fn demo(args: DemoArgs) -> Result<bool> {
    let (data_dir, base) = (data_dir(args.data_dir.as_deref())?, base_url(args.listen));
    let service = Service::start_unless_there(&base, &data_dir, args.listen).await?;
    let billed = bill(&args, &base, &data_dir).await;
    // Audited while the service is there, as an operator would.
    let audited = match &billed {
        Ok(()) => this_program(&data_dir)?.arg("audit").status().await.context("cannot run the audit"),
        Err(_) => Ok(Default::default()),
    };
    if let Some(service) = service {
        service.stop().await?;
    }
    billed?;
    Ok(audited?.success())
}

/// Makes the demo tenant, and prints what a stranger needs to charge it. For `serve --demo`, once it listens.
///
/// # Errors
/// When the service refuses.
pub(crate) async fn introduce(listen: SocketAddr, data_dir: &Path) -> Result<()> {
    let base = base_url(listen);
    let mut credentials = Credentials::read(data_dir)?;
    let operator_key = operator_key(&credentials)?;
    Demo::seed(&base, &operator_key, &mut credentials).await?;
    let file = shell_quoted(&credentials.path().canonicalize()?);
    println!(
        "\nThe ledger is ready: {base}   (all it can do: {base}/docs)\n\
         Its keys are in {file}\n\
         This charges the demo account; paste it into another terminal:\n\n  \
         (. {file}; curl -sS {base}/charges -H \"x-virtualkey: ${DEMO_KEY}\" -H 'content-type: application/json' \
         -H \"idempotency-key: $(date +%s)-$$-$RANDOM\" -d '{{\"amount\": \"0.10\", \"currency\": \"{CURRENCY}\"}}')\n"
    );
    Ok(())
}

async fn bill(args: &DemoArgs, base: &str, data_dir: &Path) -> Result<()> {
    let price = match &args.prices {
        Some(file) => Price::read(file, &args.model)?,
        None => Price::made_up(),
    };
    let lines = match &args.usage {
        Some(file) => usage::read(file, price)?,
        None => {
            let lines = usage::made_up(price)?;
            println!("No usage file is given: {} requests are made up.", lines.len());
            lines
        }
    };
    let sum = lines.iter().try_fold(Money::ZERO, |sum, line| sum.checked_add(line.amount.money()));
    let sum = sum.context("the sum is in range")?;
    let mut credentials = Credentials::read(data_dir)?;
    let operator_key = operator_key(&credentials)?;
    let demo = Demo::seed(base, &operator_key, &mut credentials).await?;
    if let Some(first) = lines.first() {
        // What this very file costs, once, so that it can always be billed to its end. It is paid in whole cents.
        let paid = sum.decimal().round_dp_with_strategy(2, RoundingStrategy::ToPositiveInfinity);
        demo.top_up(&format!("{} deposit", first.key), &paid.to_string()).await?;
    }

    let before = demo.balance().await?;
    let (begun, n_lines) = (Instant::now(), lines.len());
    let n_replayed = charge_all(&demo.customer, lines, args.in_flight).await?;
    let (seconds, after) = (begun.elapsed().as_secs_f64(), demo.balance().await?);
    println!("{n_lines} requests billed, {sum} {CURRENCY} in all; {n_replayed} of them by an earlier run");
    println!("{seconds:.1} s, {:.0} charges a second through HTTP", n_lines as f64 / seconds.max(0.001));
    println!("balance {before} {CURRENCY} before this run, {after} {CURRENCY} after it");
    Ok(())
}

/// Says how many were charged before.
async fn charge_all(customer: &Client, lines: Vec<Line>, in_flight: usize) -> Result<usize> {
    // Hidden by itself where there is no terminal.
    let bar = ProgressBar::new(lines.len() as u64)
        .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} charged, {per_sec}, {eta} left")?);
    let charges = stream::iter(lines).map(async |line| -> Result<bool> {
        let charge =
            json!({ "amount": line.amount.to_string(), "currency": CURRENCY, "description": line.description });
        let answer = customer.post("/charges", &line.key, &charge).await?;
        let replayed = answer.replayed;
        answer.expect_success().with_context(|| line.key.clone())?;
        bar.inc(1);
        Ok(replayed)
    });
    let charges = charges.buffer_unordered(in_flight.max(1));
    let n_replayed = charges.try_fold(0, async |sum, replayed| Ok(sum + usize::from(replayed))).await?;
    bar.finish();
    Ok(n_replayed)
}

/// A service that runs for as long as this program needs one.
struct Service(Child);

impl Service {
    /// None when there is one already; it is used, and left running.
    async fn start_unless_there(base: &str, data_dir: &Path, listen: SocketAddr) -> Result<Option<Self>> {
        let caller = Client::new(base, "nobody");
        if caller.is_ready().await {
            println!("Using the service at {base}.");
            return Ok(None);
        }
        let mut command = this_program(data_dir)?;
        let command = command.arg("serve").env("LEDGER_LISTEN", listen.to_string());
        command.env("RUST_LOG", env::var("RUST_LOG").unwrap_or_else(|_| "warn".into())).stdout(Stdio::null());
        let mut service = command.kill_on_drop(true).spawn().context("cannot start the service")?;
        let begun = Instant::now();
        while !caller.is_ready().await {
            if let Some(status) = service.try_wait()? {
                bail!("the service did not start: {status}");
            }
            ensure!(begun.elapsed() < READY_PATIENCE, "the service is not ready after {READY_PATIENCE:?}");
            sleep(READY_POLL).await;
        }
        Ok(Some(Self(service)))
    }

    /// Lets it answer what is in flight, and stop its database.
    async fn stop(mut self) -> Result<()> {
        if let Some(pid) = self.0.id() {
            // The standard library knows SIGKILL only, and a small system has no program `kill` beside its shell's.
            Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid.to_string()]).status().await?;
        }
        self.0.wait().await?;
        Ok(())
    }
}

fn this_program(data_dir: &Path) -> Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.env("LEDGER_DATA_DIR", data_dir);
    Ok(command)
}

fn operator_key(credentials: &Credentials) -> Result<String> {
    let given = env::var(OPERATOR_KEY).ok();
    let key = given.or_else(|| credentials.get(OPERATOR_KEY).map(Into::into));
    key.with_context(|| {
        format!("there is no operator's key in {}: set {OPERATOR_KEY}", credentials.path().display())
    })
}

/// How to reach a service on this machine, whatever addresses it listens on.
fn base_url(listen: SocketAddr) -> String {
    let host = if listen.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { listen.ip() };
    format!("http://{}", SocketAddr::new(host, listen.port()))
}

fn shell_quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
