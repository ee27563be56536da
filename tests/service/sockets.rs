//! Over a real socket: clients that are slow, that hang up, and a service that is told to stop.

use std::{net::SocketAddr, time::Duration};

use axum::{body::Bytes, http::HeaderMap};
use futures::future::join_all;
use ledger_service::config::Limits;
use ledger_tests::service::{Answer, Recorder, TestApp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use uuid::Uuid;

crate::tests![
    two_thousand_clients_hang_up_and_nothing_is_lost_or_leaked,
    a_service_that_stops_answers_what_is_in_flight,
    slow_headers_are_not_waited_for,
    one_address_leaves_room_for_the_others,
];

/// A service on a port of its own.
struct Served {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Served {
    async fn start(app: &TestApp) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let app = app.app.clone();
        let serving = tokio::spawn(async move {
            app.serve(listener, async { drop(stopped.await) }).await;
        });
        Self { address, stop, serving }
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        self.serving.await.unwrap();
    }

    /// A charge, as it goes over the wire.
    fn charge(app: &TestApp, account: Uuid, key: &str) -> String {
        let body = r#"{"amount": "0.01", "currency": "USD"}"#;
        format!(
            "POST /accounts/{account}/charges HTTP/1.1\r\nhost: ledger\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\nidempotency-key: {key}\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            app.admin_key.reveal(),
            body.len()
        )
    }

    /// Sends and reads to the end.
    async fn ask(&self, request: &str) -> Answer {
        self.ask_from("127.0.0.1", request).await
    }

    /// The same from another address of this machine.
    async fn ask_from(&self, address: &str, request: &str) -> Answer {
        let mut stream = self.connect_from(address).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        read(&mut stream).await
    }

    async fn connect_from(&self, address: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
        socket.connect(self.address).await.unwrap()
    }
}

async fn read(stream: &mut TcpStream) -> Answer {
    let mut text = Vec::new();
    // Who refuses a request with its body unread may hang up hard behind the answer.
    let _ = stream.read_to_end(&mut text).await;
    let text = String::from_utf8(text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let mut headers = HeaderMap::new();
    if let Some(line) = head.lines().find_map(|line| line.strip_prefix("content-type: ")) {
        headers.insert("content-type", line.parse().unwrap());
    }
    Answer::new(status, headers, Bytes::from(body.to_owned()))
}

async fn two_thousand_clients_hang_up_and_nothing_is_lost_or_leaked() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("20.00").await;
        let served = Served::start(app).await;
        let hang_up = async |idx: u64| {
            // A spread of moments without a random number: 7919 is prime, so these are 2,000 different ones from 0 to 20 ms.
            let patience = Duration::from_micros(idx * 7_919 % 20_000);
            let request = Served::charge(app, account, &format!("call-{idx}"));
            timeout(patience, served.ask(&request)).await.is_err()
        };
        let mut hung_up = 0;
        for wave in 0..20 {
            let gone = join_all((wave * 100..(wave + 1) * 100).map(hang_up)).await;
            hung_up += gone.iter().filter(|gone| **gone).count();
        }
        assert!(hung_up > 100, "only {hung_up} hung up: the test shows nothing");

        // Asked again with the same key: every call has happened exactly once when its client has come back.
        let resolve = async |idx: usize| {
            let answer = served.ask(&Served::charge(app, account, &format!("call-{idx}"))).await;
            Recorder::record("POST", &format!("/accounts/{account}/charges"), &answer);
            answer.expect(201);
        };
        for wave in 0..40 {
            join_all((wave * 50..(wave + 1) * 50).map(resolve)).await;
        }
        served.stop().await;
        assert_eq!(app.admin.balance(account).await, "0");
        let mut superuser = app.books.db.superuser().await;
        let stored = "select count(*) from events where event_type = 'account.charged'";
        let stored: i64 = sqlx::query_scalar(stored).fetch_one(&mut superuser).await.unwrap();
        assert_eq!(stored, 2_000, "what was acknowledged is visible from another connection");
        let leaked = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%'";
        let leaked: i64 = sqlx::query_scalar(leaked).fetch_one(&mut superuser).await.unwrap();
        assert_eq!(leaked, 0, "no session is idle in a transaction");
    })
    .await;
}

async fn a_service_that_stops_answers_what_is_in_flight() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("1").await;
        let served = Served::start(app).await;
        let address = served.address;
        let gate = app.books.ledger.failpoints().close("before_append");
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(Served::charge(app, account, "k").as_bytes()).await.unwrap();
        gate.arrived().await;
        let stopping = tokio::spawn(served.stop());
        // Nobody new is let in from now on.
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(!stopping.is_finished(), "it waits for the one that is in flight");
        gate.open();
        read(&mut stream).await.expect(201);
        stopping.await.unwrap();
        assert_eq!(app.admin.balance(account).await, "0.99");
    })
    .await;
}

async fn slow_headers_are_not_waited_for() {
    let limits = Limits { headers_timeout: Duration::from_millis(100), ..Limits::default() };
    TestApp::run_within(limits, async |app| {
        let served = Served::start(app).await;
        let slow = async |_| {
            let mut stream = TcpStream::connect(served.address).await.unwrap();
            stream.write_all(b"POST /accounts HTTP/1.1\r\nhost: l").await.unwrap();
            let mut rest = Vec::new();
            let ended = timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
            drop(ended.expect("it hangs up on the slow"));
        };
        join_all((0..200).map(slow)).await;
        let probe = "GET /healthz HTTP/1.1\r\nhost: l\r\nconnection: close\r\n\r\n";
        served.ask(probe).await.expect(200);
        let large = format!("GET /healthz HTTP/1.1\r\nhost: l\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        // It may hang up before all of it is sent.
        let _ = stream.write_all(large.as_bytes()).await;
        let mut head = [0; 12];
        let refused = stream.read_exact(&mut head).await.is_err() || head.ends_with(b"431");
        assert!(refused, "{}", String::from_utf8_lossy(&head));
        served.stop().await;
    })
    .await;
}

async fn one_address_leaves_room_for_the_others() {
    let limits = Limits { connections_max: 8, spare_connections_max: 2, ..Limits::default() };
    TestApp::run_within(limits, async |app| {
        let account = app.tenant("acme").await.account("1").await;
        let served = Served::start(app).await;
        let idle = async || served.connect_from("127.0.0.1").await;
        let health = "GET /healthz HTTP/1.1\r\nhost: l\r\nconnection: close\r\n\r\n";
        // They are accepted in the order in which they come, so these have half of the room when the next one is.
        let idlers = [idle().await, idle().await, idle().await, idle().await];
        let refused = served.ask(&Served::charge(app, account, "a")).await;
        assert_eq!(refused.problem(), (503, "try_again"));
        served.ask(health).await.expect(200);
        served.ask_from("127.0.0.2", &Served::charge(app, account, "b")).await.expect(201);

        // What is spare is soon full, too; whoever comes from elsewhere does not notice.
        let spare_idlers = [idle().await, idle().await];
        let mut refused = idle().await;
        let hung_up = refused.read(&mut [0; 1]).await;
        assert!(matches!(hung_up, Ok(0) | Err(_)), "{hung_up:?}");
        served.ask_from("127.0.0.2", health).await.expect(200);
        drop((idlers, spare_idlers));
        let later = async {
            while served.ask_from("127.0.0.1", &Served::charge(app, account, "a")).await.status != 201 {}
        };
        timeout(Duration::from_secs(10), later).await.expect("who has gone has left the room");
        served.stop().await;
        assert_eq!(app.admin.balance(account).await, "0.98");
    })
    .await;
}
