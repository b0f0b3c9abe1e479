//! The contract of every port, as named cases.
//!
//! A crate that has an adapter writes, say, `consign_testkit::upload_repo_contract!(make)`, where `make` is an async
//! function that returns a pair: what must live as long as the adapter (a directory, a server), and the adapter, empty.
//! The macro makes one `#[tokio::test]` of each case. A case panics where the adapter breaks the contract.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::expect_used,
    reason = "these are tests, in a library so that adapters can share them"
)]

use consign_core::ids::ETag;
use consign_core::ids::ObjectRef;
use consign_core::ports::{Fault, IngestQueue};
use consign_core::time::Timestamp;

pub mod below;
pub mod ingest_queue;
pub mod multipart;
pub mod object_store;
pub mod upload_repo;
pub mod upload_repo_limits;
pub mod upload_repo_reads;

/// The bucket that a store under test must have, empty.
pub const BUCKET: &str = crate::sample::BUCKET;
/// A bucket that it must not have.
pub const BUCKET_MISSING: &str = "contract-missing";

/// Puts a part as a client would; what a test of [`consign_core::ports::Multipart`] needs beside the port.
pub trait ClientParts {
    /// Puts one part and returns its etag.
    fn put_part(
        &self,
        object: &ObjectRef,
        upload_id: &str,
        part: (u16, Vec<u8>),
    ) -> impl Future<Output = ETag> + Send;
}

impl ClientParts for crate::MemoryStore {
    async fn put_part(&self, _: &ObjectRef, upload_id: &str, part: (u16, Vec<u8>)) -> ETag {
        self.client_put_part(upload_id, part.0, part.1)
            .expect("the upload id is known")
    }
}

/// A message as a consumer under test holds it.
pub trait Delivery: Clone + Send + Sync {
    /// What was sent.
    fn body(&self) -> &str;
    /// How often it was delivered, this time included.
    fn attempts(&self) -> u32;
}

/// The consuming side of a queue that is asked, rather than one that calls.
pub trait Consume: IngestQueue {
    /// A message in our hands.
    type Message: Delivery;

    /// Takes up to `limit` messages and hides them for `visibility_s` seconds.
    fn receive(
        &self,
        now: Timestamp,
        visibility_s: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Self::Message>, Fault>> + Send;

    /// Removes a message; without effect where it was delivered again.
    fn ack(&self, message: &Self::Message) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Gives a message back, to come again `delay_s` seconds from `now`.
    fn retry(
        &self,
        message: &Self::Message,
        now: Timestamp,
        delay_s: u64,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Gives a message up.
    fn dead(
        &self,
        message: &Self::Message,
        reason: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The messages not acknowledged yet, hidden ones included.
    fn depth(&self) -> impl Future<Output = Result<u64, Fault>> + Send;

    /// Bodies and reasons of the messages given up.
    fn dead_letters(&self) -> impl Future<Output = Result<Vec<(String, String)>, Fault>> + Send;
}

impl Delivery for crate::QueueMessage {
    fn body(&self) -> &str {
        &self.body
    }

    fn attempts(&self) -> u32 {
        self.attempts
    }
}

impl Consume for crate::MemoryQueue {
    type Message = crate::QueueMessage;

    async fn receive(
        &self,
        now: Timestamp,
        visibility_s: u64,
        limit: usize,
    ) -> Result<Vec<Self::Message>, Fault> {
        Ok(Self::receive(self, now, visibility_s, limit))
    }

    async fn ack(&self, message: &Self::Message) -> Result<(), Fault> {
        Self::ack(self, message);
        Ok(())
    }

    async fn retry(
        &self,
        message: &Self::Message,
        now: Timestamp,
        delay_s: u64,
    ) -> Result<(), Fault> {
        Self::retry(self, message, now, delay_s);
        Ok(())
    }

    async fn dead(&self, message: &Self::Message, reason: &str, _: Timestamp) -> Result<(), Fault> {
        Self::dead(self, message, reason);
        Ok(())
    }

    async fn depth(&self) -> Result<u64, Fault> {
        Ok(Self::depth(self) as u64)
    }

    async fn dead_letters(&self) -> Result<Vec<(String, String)>, Fault> {
        let dead = Self::dead_letters(self).into_iter();
        Ok(dead.map(|letter| (letter.body, letter.reason)).collect())
    }
}

/// Makes a test of each named case; the other macros call it.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_tests {
    (($make:expr) $($module:ident: $($case:ident)+;)+) => {$($(
        #[tokio::test]
        async fn $case() {
            let (_guard, subject) = $make().await;
            $crate::contract::$module::$case(&subject).await;
        }
    )+)+};
}

/// The names of the cases, for a runtime that has no tests of its own: `upload_repo_cases!(contract_names ())`.
#[macro_export]
macro_rules! contract_names {
    (() $($module:ident: $($case:ident)+;)+) => {
        [$($(stringify!($case)),+),+].as_slice()
    };
}

/// Runs the case of this name against the subject; `false` where there is none:
/// `upload_repo_cases!(contract_run (name, &subject))`.
#[macro_export]
macro_rules! contract_run {
    (($name:expr, $subject:expr) $($module:ident: $($case:ident)+;)+) => {
        match $name {
            $($(stringify!($case) => {
                $crate::contract::$module::$case($subject).await;
                true
            })+)+
            _ => false,
        }
    };
}

/// Hands the cases of [`UploadRepo`](consign_core::ports::UploadRepo) to another macro.
#[macro_export]
macro_rules! upload_repo_cases {
    ($then:ident $args:tt) => {
        $crate::$then! { $args
            upload_repo:
                an_inserted_upload_is_found
                every_field_survives
                an_object_key_is_taken_once
                a_purged_upload_leaves_its_object_key_when_its_urls_are_long_dead
                an_insert_repeated_after_a_lost_answer_has_one_effect
                a_save_moves_the_record
                a_stale_revision_conflicts_and_writes_nothing
                a_save_of_an_unknown_upload_conflicts
                a_save_repeated_after_a_lost_answer_conflicts
                of_fifty_savers_one_wins
                savers_who_read_again_all_win_in_the_end;
            upload_repo_limits:
                the_same_key_and_body_replays
                a_replay_shows_the_upload_as_it_is_now
                a_key_with_another_body_is_refused
                keys_are_per_owner
                an_expired_key_is_free_again
                of_fifty_inserts_with_one_key_one_creates
                the_quota_holds_to_the_byte
                fifty_inserts_at_once_stay_within_the_quota
                a_save_moves_the_quota
                a_quota_never_goes_below_zero
                quotas_are_per_owner
                the_rate_holds_in_each_window
                rates_are_per_owner
                the_number_of_files_holds_until_they_are_purged
                fifty_inserts_at_once_stay_within_the_number_of_files
                a_bucket_is_recorded_once
                of_ten_who_record_a_bucket_one_wins
                a_refused_insert_leaves_no_trace
                limits_are_looked_at_in_order;
            upload_repo_reads:
                unknown_things_are_not_found
                a_listing_is_newest_first_in_pages
                a_listing_is_stable_while_uploads_come_in
                a_listing_filters
                a_listing_shows_deleted_uploads_only_when_asked
                a_listing_shows_one_owner
                due_uploads_come_longest_due_first
                a_line_is_read_in_stretches
                a_backlog_of_one_owner_fills_no_other_line
                uploads_are_found_together
                what_is_held_is_not_due
                stretches_that_are_held_leave_their_lines
                due_follows_every_save;
        }
    };
}

/// The contract of [`UploadRepo`](consign_core::ports::UploadRepo), a test for each case.
#[macro_export]
macro_rules! upload_repo_contract {
    ($make:expr) => {
        $crate::upload_repo_cases! { contract_tests ($make) }
    };
}

/// Hands the cases of [`ObjectStore`](consign_core::ports::ObjectStore) to another macro.
#[macro_export]
macro_rules! object_store_cases {
    ($then:ident $args:tt) => {
        $crate::$then! { $args
            object_store:
                what_is_put_is_there
                what_is_not_there_is_not_found
                a_put_replaces
                a_read_names_the_version_it_wants
                a_range_includes_both_its_ends
                an_empty_object_is_an_object
                a_large_object_streams_whole
                an_object_being_written_is_not_seen_before_it_is_finished
                an_abandoned_writer_leaves_nothing
                a_copy_is_the_same_object_elsewhere
                removing_is_idempotent
                a_missing_bucket_is_told_apart
                keys_are_taken_as_they_are;
        }
    };
}

/// The contract of [`ObjectStore`](consign_core::ports::ObjectStore), a test for each case. The store has
/// [`BUCKET`](crate::contract::BUCKET), empty, and not [`BUCKET_MISSING`](crate::contract::BUCKET_MISSING).
#[macro_export]
macro_rules! object_store_contract {
    ($make:expr) => {
        $crate::object_store_cases! { contract_tests ($make) }
    };
}

/// Hands the cases of [`Multipart`](consign_core::ports::Multipart) to another macro.
#[macro_export]
macro_rules! multipart_cases {
    ($then:ident $args:tt) => {
        $crate::$then! { $args
            multipart:
                parts_become_the_object
                a_part_put_again_replaces_the_first
                a_multipart_completes_once
                a_part_that_is_not_as_named_completes_nothing
                a_taken_key_completes_nothing
                an_aborted_multipart_is_unknown
                an_unknown_multipart_is_told_apart;
        }
    };
}

/// The contract of [`Multipart`](consign_core::ports::Multipart), a test for each case. The subject is an
/// [`ObjectStore`](consign_core::ports::ObjectStore) and [`ClientParts`](crate::contract::ClientParts) as well.
#[macro_export]
macro_rules! multipart_contract {
    ($make:expr) => {
        $crate::multipart_cases! { contract_tests ($make) }
    };
}

/// The contract of a queue that can be asked ([`Consume`](crate::contract::Consume)), a test for each case.
#[macro_export]
macro_rules! ingest_queue_contract {
    ($make:expr) => {
        $crate::contract_tests! { ($make)
            ingest_queue:
                a_job_sent_is_received
                look_jobs_are_messages
                an_empty_queue_gives_nothing
                a_message_is_hidden_and_comes_again
                an_acknowledged_message_is_gone
                a_late_acknowledgement_does_nothing
                a_retried_message_comes_after_its_delay
                a_message_given_up_is_kept_aside
                a_batch_keeps_to_its_limit
                one_bad_message_blocks_nobody
                of_many_consumers_each_message_has_one;
        }
    };
}

/// What a queue promises beyond [`ingest_queue_contract`] that goes by the clock of its caller, and not by one of its own.
#[macro_export]
macro_rules! ingest_queue_clock_contract {
    ($make:expr) => {
        $crate::contract_tests! { ($make)
            ingest_queue:
                a_clock_that_is_set_back_hides_no_message;
        }
    };
}

/// The contract of an adapter over a medium that fails ([`Medium`](crate::contract::below::Medium)), a test for each case;
/// `make` gives the medium, and the adapter upon it.
#[macro_export]
macro_rules! below_contract {
    ($make:expr) => {
        $crate::below_tests! { ($make)
            a_fault_below_is_told_by_its_kind
            the_call_after_a_fault_below_succeeds
            faults_below_that_repeat_are_survived
            of_many_writers_each_learns_what_became_of_its_own
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! below_tests {
    (($make:expr) $($case:ident)+) => {$(
        #[tokio::test]
        async fn $case() {
            let (medium, subject) = $make().await;
            $crate::contract::below::$case(&subject, &medium).await;
        }
    )+};
}
