//! One caller floods the service: slow bodies, large ones, idle connections. Nobody else is to notice.
//!
//! An ordinary run is a tenth of it, and asks for less, because other tests run beside it. `LEDGER_TEST_FLOOD=100` is all.

use std::{
    env,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::{Builder, Handle},
    task::JoinSet,
    time::{interval, timeout},
};

use crate::{client::Client, machine::Machine};

const SLOW_BODIES: usize = 5_000;
const LARGE_BODIES: usize = 3_000;
const LARGE_BYTES: usize = 511 * 1_024;
const IDLE_CONNECTIONS: usize = 10_000;

/// How long each part is watched.
const WATCH: Duration = Duration::from_secs(3);
const CUSTOMERS: usize = 8;
const PROBE: Duration = Duration::from_millis(50);
/// Until a flood that is over must be forgotten.
const RECOVERY_MAX: Duration = Duration::from_secs(30);
const MEMORY_MAX: u64 = 100 * 1_024 * 1_024;

/// What is asked of the others' share while the flood lasts.
struct Demand {
    rate_percent_min: u64,
    health_max: Duration,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_caller_who_floods_the_service_is_not_noticed_by_the_others() {
    let percent = env::var("LEDGER_TEST_FLOOD").map_or(10, |percent| percent.parse().expect("a number"));
    let demand = if percent >= 100 {
        Demand { rate_percent_min: 80, health_max: Duration::from_millis(100) }
    } else {
        Demand { rate_percent_min: 10, health_max: Duration::from_secs(2) }
    };
    let machine = Machine::new();
    let service = machine.serve().await;
    let credential = machine.credential("LEDGER_DEMO_KEY").unwrap();
    let others = Client::from(machine.address(), IpAddr::from([127, 0, 0, 2]), &credential);
    // Threads of its own: the flood is to compete with the others in the service, not in this test.
    let elsewhere = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let flood = Flood {
        runtime: elsewhere.handle().clone(),
        address: machine.address(),
        operator: machine.credential("LEDGER_OPERATOR_KEY").unwrap(),
        n_open: Arc::default(),
    };
    let (mut quiet, _) = watch(&others, "before").await;
    let before = service.memory();
    let mut noticed = Vec::new();
    for name in ["slow bodies", "large bodies", "idle connections"] {
        let flooding = match name {
            "slow bodies" => flood.slow_bodies(SLOW_BODIES * percent / 100),
            "large bodies" => flood.large_bodies(LARGE_BODIES * percent / 100),
            _ => flood.idle_connections(IDLE_CONNECTIONS * percent / 100),
        };
        let (rate, health) = watch(&others, name).await;
        let (n_open, memory) = (flood.n_open.swap(0, Ordering::Relaxed), service.memory());
        drop(flooding);
        // Other programs come and go on this machine: what is quiet is measured before and after.
        let (quiet_before, (quiet_after, _)) = (quiet, watch(&others, &format!("after {name}")).await);
        let share = 100 * rate / quiet_before.min(quiet_after).max(1);
        println!(
            "{name}: {n_open} connections; {rate} charges/s of {quiet_before} before and {quiet_after} after, {share}%; \
             health within {health:?}; {} MB",
            memory >> 20
        );
        if share < demand.rate_percent_min || health > demand.health_max {
            noticed.push(name);
        }
        quiet = quiet_after;
    }
    let forgotten = async {
        let mut ticks = interval(PROBE);
        while service.memory() > before + MEMORY_MAX {
            ticks.tick().await;
        }
    };
    let waited = timeout(RECOVERY_MAX, forgotten).await;
    println!("memory: {} MB before, {} MB after", before >> 20, service.memory() >> 20);
    waited.expect("the memory is given back");
    elsewhere.shutdown_background();
    assert!(noticed.is_empty(), "the others notice {noticed:?}");
    service.terminate();
    machine.run_well(&["audit"]);
}

/// Charges in a second, and the longest that `/healthz` took.
async fn watch(others: &Client, name: &str) -> (u64, Duration) {
    let begun = Instant::now();
    let mut customers = JoinSet::new();
    for customer in 0..CUSTOMERS {
        let (others, name) = (others.clone(), name.to_owned());
        customers.spawn(async move {
            let mut n_charged = 0;
            while begun.elapsed() < WATCH {
                others.charge(&format!("{name}/{customer}/{n_charged}"), "0.0001").await;
                n_charged += 1;
            }
            n_charged
        });
    }
    let mut slowest = Duration::ZERO;
    let mut ticks = interval(PROBE);
    while begun.elapsed() < WATCH {
        ticks.tick().await;
        let asked = Instant::now();
        assert!(others.is_alive().await, "{name}: /healthz does not answer");
        slowest = slowest.max(asked.elapsed());
    }
    let n_charged: u64 = customers.join_all().await.into_iter().sum();
    (1_000 * n_charged / u64::try_from(begun.elapsed().as_millis()).unwrap(), slowest)
}

/// A caller with a valid credential, and no good intention.
struct Flood {
    runtime: Handle,
    address: SocketAddr,
    operator: String,
    n_open: Arc<AtomicUsize>,
}

impl Flood {
    /// The headers of a charge whose body has so many bytes.
    fn headers(&self, bytes: usize) -> String {
        format!(
            "POST /accounts/00000000-0000-5000-8000-000000000000/charges HTTP/1.1\r\nhost: ledger\r\n\
             authorization: Bearer {}\r\nidempotency-key: k\r\ncontent-type: application/json\r\n\
             content-length: {bytes}\r\n\r\n",
            self.operator
        )
    }

    /// A byte a second, and never the last one.
    fn slow_bodies(&self, count: usize) -> JoinSet<()> {
        let start = self.headers(1_000);
        self.connections(count, move |mut stream| {
            let start = start.clone();
            async move {
                let mut ticks = interval(Duration::from_secs(1));
                stream.write_all(start.as_bytes()).await?;
                loop {
                    ticks.tick().await;
                    stream.write_all(b" ").await?;
                }
            }
        })
    }

    /// As large as they may be, all at once.
    fn large_bodies(&self, count: usize) -> JoinSet<()> {
        let (start, body) = (self.headers(LARGE_BYTES), Arc::new(vec![b' '; LARGE_BYTES]));
        self.connections(count, move |mut stream| {
            let (start, body) = (start.clone(), body.clone());
            async move {
                stream.write_all(start.as_bytes()).await?;
                stream.write_all(&body).await?;
                stream.read_to_end(&mut Vec::new()).await
            }
        })
    }

    fn idle_connections(&self, count: usize) -> JoinSet<()> {
        self.connections(count, |mut stream| async move { stream.read_to_end(&mut Vec::new()).await })
    }

    /// So many connections at once, from one address. One that ends is not opened again.
    fn connections<F>(
        &self,
        count: usize,
        talk: impl Fn(TcpStream) -> F + Clone + Send + 'static,
    ) -> JoinSet<()>
    where
        F: Future<Output = std::io::Result<usize>> + Send,
    {
        let mut open = JoinSet::new();
        for _ in 0..count {
            let (address, n_open, talk) = (self.address, self.n_open.clone(), talk.clone());
            let talk = async move {
                let Ok(stream) = TcpStream::connect(address).await else { return };
                n_open.fetch_add(1, Ordering::Relaxed);
                // It ends when the service has enough of it.
                drop(talk(stream).await);
            };
            open.spawn_on(talk, &self.runtime);
        }
        open
    }
}
