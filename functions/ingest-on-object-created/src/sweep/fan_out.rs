//! The sweep on hosts with limited run time: it sends due uploads as sweep jobs, for as many invocations as are
//! available.

use consign_core::ids::UploadId;
use consign_core::ports::{
    Clock, DueRun, Fault, IngestQueue, SWEEP_JOB_UPLOADS_MAX, SweepJob, UploadRepo,
};
use consign_core::time::saturating_add_secs;

use super::{Effort, Lines, Run, Swept, drive, read};
use crate::Deps;

/// The number of due uploads that a scheduled run examines itself, which costs neither messages nor extra writes.
const OWN_PROBES_MAX: usize = 100;
/// The number of sweep jobs that are sent together.
const JOBS_AT_ONCE: usize = 40;
/// The number of uploads per turn of a line. Larger than a job, since each turn is a query of the repository.
const TURN_MAX: usize = 4 * SWEEP_JOB_UPLOADS_MAX;
/// How long uploads that were passed on are held, in seconds. A message that is not processed by then was lost or
/// waits behind a backlog. The uploads are passed on again, and a late job finds them no longer due.
const PASSED_ON_S: u64 = 900;
/// The number of uploads of one job that are examined at the same time.
const JOB_PROBES_AT_ONCE: usize = 8;
/// The time limit of one job, in seconds. The rest is due again when its hold ends.
const JOB_S: u64 = 120;

const _: () = assert!(JOB_S < PASSED_ON_S);
const _: () = assert!(OWN_PROBES_MAX < JOBS_AT_ONCE * SWEEP_JOB_UPLOADS_MAX);

/// Examines the due uploads if they are few, or else passes them on as [`SweepJob`]s.
///
/// Jobs are sent before the uploads are held. If the process ends in between, the next run sends the jobs again,
/// which costs one read per upload. In the other order, the uploads would wait for the end of the hold.
///
/// # Errors
/// A fault of the repository or the queue. Uploads that were not passed on stay due.
pub async fn fan_out<D: Deps>(deps: &D, effort: Effort) -> Result<Swept, Fault> {
    crate::bucket::mark_all(deps).await;
    let mut lines = Lines::find(deps).await?;
    let mut runs = Vec::new();
    let mut count = 0;
    let mut passed_on = 0;
    // 1. Take turns over all lines.
    while let Some(taken) = lines.take(deps, TURN_MAX).await {
        let taken = taken?;
        count += taken.due.len();
        runs.push(taken);
        if deps.clock().now() >= effort.until {
            break;
        }
        // 2. More than a run examines itself: pass on several jobs at a time.
        if count >= JOBS_AT_ONCE * SWEEP_JOB_UPLOADS_MAX {
            passed_on += pass_on(deps, &runs).await?;
            runs.clear();
            count = 0;
        }
    }
    if passed_on == 0 && count <= OWN_PROBES_MAX {
        return examine_all(deps, &DueRun::ids(&runs), effort, lines.lag_s).await;
    }
    passed_on += pass_on(deps, &runs).await?;
    let lag_s = lines.lag_s;
    tracing::info!(operation = "sweep", passed_on, lag_s);
    Ok(Swept {
        passed_on,
        lag_s,
        ..Swept::default()
    })
}

async fn pass_on<D: Deps>(deps: &D, runs: &[DueRun]) -> Result<usize, Fault> {
    let now = deps.clock().now();
    let ids = DueRun::ids(runs);
    let jobs = ids.chunks(SWEEP_JOB_UPLOADS_MAX);
    let jobs: Vec<SweepJob> = jobs
        .map(|ids| SweepJob {
            uploads: ids.to_vec(),
        })
        .collect();
    deps.queue().send_sweep_jobs(&jobs).await?;
    let until = saturating_add_secs(now, PASSED_ON_S);
    deps.repo().hold_runs(runs, now, until).await?;
    Ok(ids.len())
}

/// Examines the uploads that are still due. An upload that fails is postponed individually.
async fn examine_all<D: Deps>(
    deps: &D,
    ids: &[UploadId],
    effort: Effort,
    lag_s: u64,
) -> Result<Swept, Fault> {
    let run = Run {
        swept: Swept {
            lag_s,
            ..Swept::default()
        },
        waiting: read(deps, ids).await.into(),
        ..Run::default()
    };
    drive(deps, run, effort).await
}

/// Carries out a [`SweepJob`].
pub(crate) async fn run_job<D: Deps>(deps: &D, ids: &[UploadId]) -> Result<Swept, Fault> {
    let effort = Effort {
        until: saturating_add_secs(deps.clock().now(), JOB_S),
        concurrency: JOB_PROBES_AT_ONCE,
    };
    // The run that sent the job told of the lag.
    examine_all(deps, ids, effort, 0).await
}
