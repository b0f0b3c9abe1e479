//! The one who writes: a task that owns the only connection with the right to. It has a thread of its own, since it
//! waits for one statement after the other, and would wait as often for its turn among the tasks of a busy runtime.
//!
//! What many callers want at once is one transaction with one sync, in which each has a savepoint of its own. So the
//! sync, which is what a write costs, is shared, and nobody's failure is another's. A transaction that does not end as
//! it was told leaves the connection in doubt: it is closed, and the next one opens another. No fault outlives itself.

use std::pin::Pin;
use std::time::Duration;

use consign_core::ports::{Fault, FaultKind};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::fault::{Broken, kind};

/// The most operations that share a transaction: a bound on how long the first waits for the others.
const GROUP_MAX: usize = 128;
/// The most operations that wait; whoever comes then waits at the door.
const WAITING_MAX: usize = 1024;
/// How long a call waits at the door before it is throttled, in seconds.
const ENTER_S: u64 = 10;

const _: () = assert!(GROUP_MAX <= WAITING_MAX);
const _: () = assert!(
    crate::BUSY_S < ENTER_S,
    "who holds the connection gives up first"
);

/// What an operation is while it runs.
pub(crate) type Working<'c, T> = Pin<Box<dyn Future<Output = Result<T, Broken>> + Send + 'c>>;

/// Hands operations to the task that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    door: mpsc::Sender<Order>,
}

enum Order {
    Work(Box<dyn QueuedOperation>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the task, with its first connection; it opens others by the same options.
    pub(crate) fn start(
        connection: SqliteConnection,
        options: SqliteConnectOptions,
    ) -> std::io::Result<Self> {
        let (door, orders) = mpsc::channel(WAITING_MAX);
        let task = Task {
            orders,
            options,
            connection: Some(connection),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let thread = std::thread::Builder::new().name("sql-writer".to_owned());
        thread.spawn(move || runtime.block_on(task.run()))?;
        Ok(Self { door })
    }

    /// Does `work` whole or not at all, durably. It must have written nothing where it succeeds with a refusal, and
    /// where it fails what it wrote is undone. A caller that gives up leaves no half of it.
    pub(crate) async fn write<T, W>(&self, operation: &'static str, work: W) -> Result<T, Fault>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> Working<'c, T> + Send + 'static,
    {
        let gone = || Fault::new(FaultKind::Unreachable, operation, "the database is closed");
        let entered = timeout(Duration::from_secs(ENTER_S), self.door.reserve()).await;
        let place = match entered {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(gone()),
            Err(late) => return Err(Fault::new(FaultKind::Throttled, operation, late)),
        };
        let (answer, answered) = oneshot::channel();
        place.send(Order::Work(Box::new(Operation {
            name: operation,
            work: Some(work),
            done: None,
            answer,
        })));
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Ends the task once the work before this is done; later calls fail as unreachable.
    pub(crate) async fn close(&self) {
        let (closed, end) = oneshot::channel();
        if self.door.send(Order::Close(closed)).await.is_ok() {
            // The task is gone either way.
            let _ = end.await;
        }
    }
}

/// An operation as the task sees it.
trait QueuedOperation: Send {
    /// Whether somebody still waits for it.
    fn is_awaited(&self) -> bool;
    /// Runs it within a transaction, and keeps what came of it.
    fn run<'c>(
        &'c mut self,
        tx: &'c mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<(), FaultKind>> + Send + 'c>>;
    /// Tells what came of it, now that the transaction has ended.
    fn end(self: Box<Self>, ended: Result<(), &Lost>);
}

/// What became of a transaction that was not committed.
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
            let came = done.as_ref().map(|_| ()).map_err(|fault| fault.kind);
            self.done = Some(done);
            came
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
        // Who gave up meanwhile reads again.
        let _ = self.answer.send(answer);
    }
}

struct Task {
    orders: mpsc::Receiver<Order>,
    options: SqliteConnectOptions,
    /// `None` where the last one came in doubt.
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
                    Order::Close(told) => closed = Some(told),
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
        if let Some(told) = closed {
            // Who asked for it may have gone.
            let _ = told.send(());
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
        tell(connection, "BEGIN IMMEDIATE; SAVEPOINT step").await?;
        for step in group {
            match step.run(connection).await {
                Ok(()) => tell(connection, "RELEASE step; SAVEPOINT step").await?,
                Err(kind) => {
                    let undone = tell(connection, "ROLLBACK TO step").await;
                    undone.map_err(|error| Lost {
                        // SQLite ended the transaction itself: that is what all the others lost.
                        kind,
                        cause: error.to_string(),
                    })?;
                }
            }
        }
        Ok(tell(connection, "RELEASE step; COMMIT").await?)
    }
}

async fn tell(
    connection: &mut SqliteConnection,
    statements: &'static str,
) -> Result<(), sqlx::Error> {
    let told = sqlx::raw_sql(statements).execute(connection).await;
    told.map(drop)
}

/// Closing undoes what was not committed, and waits for it.
async fn end(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::warn!(operation = "close", %error, "a connection did not close in order");
    }
}
