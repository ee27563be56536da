//! The one connection over which a lane writes. It is kept for as long as nothing goes wrong on it.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tokio::sync::mpsc;

use super::News;
use crate::{
    failpoint::Failpoints,
    journal::Server,
    pools::timed_out,
    round::{Write, Written},
};

/// How long a write may take before its outcome is called unknown. The server gives up before that, if it is alive.
const WRITE_TIMEOUT: Duration = Duration::from_secs(8);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

pub(super) struct Writer {
    options: PgConnectOptions,
    failpoints: Failpoints,
    connection: Option<PgConnection>,
}

impl Writer {
    pub(super) fn new(options: PgConnectOptions, failpoints: Failpoints) -> Self {
        Self { options, failpoints, connection: None }
    }

    /// Writes one round after the other, until there is nobody to send another.
    pub(super) async fn run(mut self, mut writes: mpsc::Receiver<Write>, news: mpsc::UnboundedSender<News>) {
        while let Some(write) = writes.recv().await {
            if self.connection.is_none() {
                match tokio::time::timeout(CONNECT_TIMEOUT, self.connect())
                    .await
                    .unwrap_or_else(|_| Err(timed_out()))
                {
                    Ok(server) => drop(news.send(News::Connected(server))),
                    Err(error) => {
                        let _ = news.send(News::Written(Written::Unknown(Some(error))));
                        continue;
                    }
                }
            }
            // Taken out, so that whatever cuts the write short closes the connection that it leaves in an unknown state.
            let Some(mut connection) = self.connection.take() else { continue };
            let write = async {
                let written = write.run(&mut connection, &self.failpoints).await;
                (written, connection)
            };
            let write = tokio::time::timeout(WRITE_TIMEOUT, AssertUnwindSafe(write).catch_unwind());
            let written = match write.await {
                Ok(Ok((written, connection))) => {
                    let is_sound = matches!(written, Written::Fenced { .. } | Written::Done(_, Ok(_)));
                    self.connection = Some(connection).filter(|_| is_sound);
                    written
                }
                Ok(Err(_panicked)) => Written::Unknown(None),
                Err(_elapsed) => Written::Unknown(Some(timed_out())),
            };
            let _ = news.send(News::Written(written));
        }
    }

    async fn connect(&mut self) -> sqlx::Result<Server> {
        let mut connection = self.options.connect().await?;
        let (server, _) = Server::identify(&mut connection).await?;
        self.connection = Some(connection);
        Ok(server)
    }
}
