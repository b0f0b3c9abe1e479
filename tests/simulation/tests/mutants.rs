//! The simulator finds each rule that is removed within a thousand seeds.

use simulation::{Mutant, run_all};

fn is_caught(mutant: Mutant) {
    let tally = run_all(0..1_000, Some(mutant), |_| {});
    assert!(!tally.failed.is_empty(), "{mutant:?} is not found");
}

#[test]
fn an_acknowledgement_before_the_commit_is_caught() {
    is_caught(Mutant::AcknowledgeBeforeCommit);
}

#[test]
fn a_write_without_a_revision_check_is_caught() {
    is_caught(Mutant::NoRevisionCheck);
}

#[test]
fn a_lease_that_never_expires_is_caught() {
    is_caught(Mutant::NoLeaseExpiry);
}

#[test]
fn an_ignored_sequencer_is_caught() {
    is_caught(Mutant::IgnoreSequencer);
}

#[test]
fn an_abort_of_a_living_multipart_upload_is_caught() {
    is_caught(Mutant::AbortLivingMultipart);
}

#[test]
fn a_deletion_on_one_404_is_caught() {
    is_caught(Mutant::DeleteOnOne404);
}
