//! Connections: accepted up to a number that addresses share, given up when slow, and drained when the service stops.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use crate::{config::Limits, shares::Shares};

/// After a failure to accept, such as too many open files: until it makes sense to try again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a spare connection may take to ask.
const SPARE_PATIENCE: Duration = Duration::from_secs(1);

/// Serves until `stop`; then accepts nobody, answers what is in flight, and returns. Who comes when there is no room is
/// answered by `spare`, once: nobody waits in a queue that somebody else has filled.
///
/// In place of `axum::serve`, which bounds neither the connections nor how long their headers may take.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    spare: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.headers_timeout)
        .max_buf_size(limits.connection_bytes_max);
    let mut once = http.clone();
    once.header_read_timeout(SPARE_PATIENCE).keep_alive(false);
    let room = Shares::new(limits.connections_max);
    let spare_room = Arc::new(Semaphore::new(limits.spare_connections_max));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers are small and waited for.
        let _ = stream.set_nodelay(true);
        let (mut share, watcher) = (room.of(peer.ip()), graceful.watcher());
        if share.take(1) {
            converse(&http, stream, router.clone(), watcher, share);
        } else if let Ok(permit) = spare_room.clone().try_acquire_owned() {
            converse(&once, stream, spare.clone(), watcher, permit);
        }
        // Else it is hung up on: even to say no would cost more than there is.
    }
    drop(listener);
    if tokio::time::timeout(limits.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were still in flight when the time to drain was over");
    }
}

/// Answers what comes on a connection, and gives its place back when it ends.
fn converse(
    http: &http1::Builder,
    stream: TcpStream,
    router: Router,
    watcher: Watcher,
    place: impl Send + 'static,
) {
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let connection = watcher.watch(connection);
    tokio::spawn(async move {
        // It ends in an error when the client hangs up, which is the client's affair.
        let _ = connection.await;
        drop(place);
    });
}
