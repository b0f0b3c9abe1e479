//! The writer: a task that owns the only writable connection. It has its own thread, because it waits for one statement
//! after the other. On a busy runtime, each wait would put it behind other tasks.
//!
//! Concurrent operations share one transaction and one sync. Each has its own savepoint, so a failed operation does not
//! affect the others. A transaction that fails unexpectedly leaves the connection in an unknown state. The task then
//! closes the connection and opens another for the next transaction.

use std::pin::Pin;
use std::time::Duration;

use consign_core::ports::{Fault, FaultKind};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::fault::{Broken, kind};

/// The most operations in one transaction. Limits how long the first operation waits for the others.
const GROUP_MAX: usize = 128;
/// The most queued operations. Later callers wait for a free slot.
const WAITING_MAX: usize = 1024;
/// How long a call waits for a free slot before it fails as throttled, in seconds.
const ENQUEUE_S: u64 = 10;

const _: () = assert!(GROUP_MAX <= WAITING_MAX);
const _: () = assert!(crate::BUSY_S < ENQUEUE_S, "the connection times out first");

/// The future of an operation.
pub(crate) type Working<'c, T> = Pin<Box<dyn Future<Output = Result<T, Broken>> + Send + 'c>>;

/// Sends operations to the writer task.
#[derive(Debug)]
pub(crate) struct Writer {
    sender: mpsc::Sender<Order>,
}

enum Order {
    Work(Box<dyn QueuedOperation>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the task with its first connection. Further connections use the same options.
    pub(crate) fn start(
        connection: SqliteConnection,
        options: SqliteConnectOptions,
    ) -> std::io::Result<Self> {
        let (sender, orders) = mpsc::channel(WAITING_MAX);
        let task = Task {
            orders,
            options,
            connection: Some(connection),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let thread = std::thread::Builder::new().name("sql-writer".to_owned());
        thread.spawn(move || runtime.block_on(task.run()))?;
        Ok(Self { sender })
    }

    /// Runs `work` atomically and durably. A `work` that succeeds with a refusal must not have written anything. If it
    /// fails, its writes are rolled back. A caller that stops waiting leaves no partial write.
    pub(crate) async fn write<T, W>(&self, operation: &'static str, work: W) -> Result<T, Fault>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> Working<'c, T> + Send + 'static,
    {
        let closed = || Fault::new(FaultKind::Unreachable, operation, "the database is closed");
        let entered = timeout(Duration::from_secs(ENQUEUE_S), self.sender.reserve()).await;
        let permit = match entered {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(closed()),
            Err(late) => return Err(Fault::new(FaultKind::Throttled, operation, late)),
        };
        let (answer, answered) = oneshot::channel();
        permit.send(Order::Work(Box::new(Operation {
            name: operation,
            work: Some(work),
            done: None,
            answer,
        })));
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Ends the task after the queued work. Later calls fail as unreachable.
    pub(crate) async fn close(&self) {
        let (reply, end) = oneshot::channel();
        if self.sender.send(Order::Close(reply)).await.is_ok() {
            // If the task has already ended, there is nothing to wait for.
            let _ = end.await;
        }
    }
}

/// An operation, without its result type.
trait QueuedOperation: Send {
    /// Whether the caller still waits.
    fn is_awaited(&self) -> bool;
    /// Runs the operation within the transaction and keeps the result.
    fn run<'c>(
        &'c mut self,
        tx: &'c mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<(), FaultKind>> + Send + 'c>>;
    /// Sends the result after the transaction has ended.
    fn end(self: Box<Self>, ended: Result<(), &Lost>);
}

/// Why a transaction was not committed.
struct Lost {
    kind: FaultKind,
    cause: String,
}

impl From<sqlx::Error> for Lost {
    fn from(error: sqlx::Error) -> Self {
        Self {
            kind: kind(&error),
            cause: error.to_string(),
        }
    }
}

struct Operation<T, W> {
    name: &'static str,
    work: Option<W>,
    done: Option<Result<T, Fault>>,
    answer: oneshot::Sender<Result<T, Fault>>,
}

impl<T, W> QueuedOperation for Operation<T, W>
where
    T: Send + 'static,
    W: for<'c> FnOnce(&'c mut SqliteConnection) -> Working<'c, T> + Send + 'static,
{
    fn is_awaited(&self) -> bool {
        !self.answer.is_closed()
    }

    fn run<'c>(
        &'c mut self,
        tx: &'c mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<(), FaultKind>> + Send + 'c>> {
        Box::pin(async move {
            let Some(work) = self.work.take() else {
                return Ok(());
            };
            let done = work(tx).await.map_err(|broken| broken.fault(self.name));
            let result = done.as_ref().map(|_| ()).map_err(|fault| fault.kind);
            self.done = Some(done);
            result
        })
    }

    fn end(self: Box<Self>, ended: Result<(), &Lost>) {
        let lost = |lost: &Lost| Fault::new(lost.kind, self.name, lost.cause.clone());
        let answer = match (self.done, ended) {
            (Some(Err(fault)), _) => Err(fault),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (Some(Ok(_)) | None, Err(why)) => Err(lost(why)),
            (None, Ok(())) => return,
        };
        // The caller may have stopped waiting.
        let _ = self.answer.send(answer);
    }
}

struct Task {
    orders: mpsc::Receiver<Order>,
    options: SqliteConnectOptions,
    /// `None` after a transaction failed unexpectedly.
    connection: Option<SqliteConnection>,
}

impl Task {
    async fn run(mut self) {
        let mut closed = None;
        while closed.is_none()
            && let Some(first) = self.orders.recv().await
        {
            let mut group = Vec::new();
            let mut next = Some(first);
            while let Some(order) = next {
                match order {
                    Order::Work(step) if step.is_awaited() => group.push(step),
                    Order::Work(_) => {}
                    Order::Close(reply) => closed = Some(reply),
                }
                let has_room = group.len() < GROUP_MAX && closed.is_none();
                next = has_room.then(|| self.orders.try_recv().ok()).flatten();
            }
            if !group.is_empty() {
                self.carry_out(group).await;
            }
        }
        if let Some(connection) = self.connection.take() {
            end(connection).await;
        }
        if let Some(reply) = closed {
            // The caller may have stopped waiting.
            let _ = reply.send(());
        }
    }

    async fn carry_out(&mut self, mut group: Vec<Box<dyn QueuedOperation>>) {
        let ended = self.commit(&mut group).await;
        if let Err(lost) = &ended {
            tracing::warn!(
                operation = "commit",
                kind = lost.kind.code(),
                cause = lost.cause,
                "a transaction was lost; the next one has a new connection"
            );
            if let Some(connection) = self.connection.take() {
                end(connection).await;
            }
        }
        for step in group {
            step.end(ended.as_ref().map(|&()| ()));
        }
    }

    async fn commit(&mut self, group: &mut [Box<dyn QueuedOperation>]) -> Result<(), Lost> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none @ None => none.insert(self.options.connect().await?),
        };
        execute(connection, "BEGIN IMMEDIATE; SAVEPOINT step").await?;
        for step in group {
            match step.run(connection).await {
                Ok(()) => execute(connection, "RELEASE step; SAVEPOINT step").await?,
                Err(kind) => {
                    let undone = execute(connection, "ROLLBACK TO step").await;
                    undone.map_err(|error| Lost {
                        // SQLite rolled back the whole transaction, so every operation in it fails.
                        kind,
                        cause: error.to_string(),
                    })?;
                }
            }
        }
        Ok(execute(connection, "RELEASE step; COMMIT").await?)
    }
}

async fn execute(
    connection: &mut SqliteConnection,
    statements: &'static str,
) -> Result<(), sqlx::Error> {
    let result = sqlx::raw_sql(statements).execute(connection).await;
    result.map(drop)
}

/// Closes the connection, which rolls back uncommitted work, and waits for it.
async fn end(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::warn!(operation = "close", %error, "a connection did not close in order");
    }
}
