//! A sweep whose time is short passes on what it finds due, over the queue, to as many invocations as there are.

use consign_core::ids::UploadId;
use consign_core::ports::{
    Clock, DueRun, Fault, IngestQueue, SWEEP_JOB_UPLOADS_MAX, SweepJob, UploadRepo,
};
use consign_core::time::saturating_add_secs;

use super::{Effort, Lines, Run, Swept, drive, read};
use crate::Deps;

/// So many due uploads a scheduled run looks at itself, which costs neither messages nor writes beside the looks.
const OWN_PROBES_MAX: usize = 100;
/// Look jobs that are sent together.
const JOBS_AT_ONCE: usize = 40;
/// What a line gives in its turn. Larger than a job: each turn is a query of the repository.
const TURN_MAX: usize = 4 * SWEEP_JOB_UPLOADS_MAX;
/// How long uploads are held that were passed on, in seconds. A message that is not worked on by then was lost, or waits
/// behind a backlog; then they are passed on again, and whoever comes second finds them due no more.
const PASSED_ON_S: u64 = 900;
/// Looks of one job that are under way at once.
const JOB_PROBES_AT_ONCE: usize = 8;
/// The time that the looks of one job have, in seconds. What is left is due again when its hold ends.
const JOB_S: u64 = 120;

const _: () = assert!(JOB_S < PASSED_ON_S);
const _: () = assert!(OWN_PROBES_MAX < JOBS_AT_ONCE * SWEEP_JOB_UPLOADS_MAX);

/// Looks at what is due where that is little; else passes it on in [`SweepJob`]s.
///
/// They are sent first and held then: whoever dies in between has sent them, and the next run sends them again, which costs a
/// read each. Held first, they would wait for the end of the hold.
///
/// # Errors
/// A fault of the repository or the queue; what was not passed on stays due.
pub async fn fan_out<D: Deps>(deps: &D, effort: Effort) -> Result<Swept, Fault> {
    crate::bucket::mark_all(deps).await;
    let mut lines = Lines::find(deps).await?;
    let mut stretches = Vec::new();
    let mut count = 0;
    let mut passed_on = 0;
    // 1. In turns over the lines, as many as there are.
    while let Some(taken) = lines.take(deps, TURN_MAX).await {
        let taken = taken?;
        count += taken.due.len();
        stretches.push(taken);
        if deps.clock().now() >= effort.until {
            break;
        }
        // 2. More than a run does itself: passed on, some jobs at a time.
        if count >= JOBS_AT_ONCE * SWEEP_JOB_UPLOADS_MAX {
            passed_on += pass_on(deps, &stretches).await?;
            stretches.clear();
            count = 0;
        }
    }
    if passed_on == 0 && count <= OWN_PROBES_MAX {
        return examine_all(deps, &DueRun::ids(&stretches), effort).await;
    }
    passed_on += pass_on(deps, &stretches).await?;
    tracing::info!(operation = "sweep", passed_on);
    Ok(Swept {
        passed_on,
        ..Swept::default()
    })
}

async fn pass_on<D: Deps>(deps: &D, stretches: &[DueRun]) -> Result<usize, Fault> {
    let now = deps.clock().now();
    let ids = DueRun::ids(stretches);
    let jobs = ids.chunks(SWEEP_JOB_UPLOADS_MAX);
    let jobs: Vec<SweepJob> = jobs
        .map(|ids| SweepJob {
            uploads: ids.to_vec(),
        })
        .collect();
    deps.queue().send_sweep_jobs(&jobs).await?;
    let until = saturating_add_secs(now, PASSED_ON_S);
    deps.repo().hold_runs(stretches, now, until).await?;
    Ok(ids.len())
}

/// Looks at these, as far as they are still due.
/// What fails is put off by itself.
async fn examine_all<D: Deps>(deps: &D, ids: &[UploadId], effort: Effort) -> Result<Swept, Fault> {
    let run = Run {
        waiting: read(deps, ids).await.into(),
        ..Run::default()
    };
    drive(deps, run, effort).await
}

/// Does a [`SweepJob`].
pub(crate) async fn run_job<D: Deps>(deps: &D, ids: &[UploadId]) -> Result<Swept, Fault> {
    let effort = Effort {
        until: saturating_add_secs(deps.clock().now(), JOB_S),
        concurrency: JOB_PROBES_AT_ONCE,
    };
    examine_all(deps, ids, effort).await
}
