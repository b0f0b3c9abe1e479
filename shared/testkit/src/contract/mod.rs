//! The contract of every port, as named cases.
//!
//! A crate with an adapter calls, for example, `consign_testkit::upload_repo_contract!(make)`. `make` is an async
//! function that returns a pair: a guard that must live as long as the adapter (a directory, a server), and the empty
//! adapter. The macro generates one `#[tokio::test]` per case. A case panics if the adapter breaks the contract.

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

/// The bucket of a store under test. It must be empty.
pub const BUCKET: &str = crate::sample::BUCKET;
/// A bucket that must not exist.
pub const BUCKET_MISSING: &str = "contract-missing";

/// Puts a part as a client does, which tests of [`consign_core::ports::Multipart`] need besides the port.
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

/// A received message.
pub trait Delivery: Clone + Send + Sync {
    /// Returns the body as it was sent.
    fn body(&self) -> &str;
    /// Returns the number of deliveries, including this one.
    fn attempts(&self) -> u32;
}

/// The consuming side of a queue that is polled.
pub trait Consume: IngestQueue {
    /// A received message.
    type Message: Delivery;

    /// Receives up to `limit` messages and hides them for `visibility_s` seconds.
    fn receive(
        &self,
        now: Timestamp,
        visibility_s: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Self::Message>, Fault>> + Send;

    /// Acknowledges a message. Does nothing if it was delivered again.
    fn ack(&self, message: &Self::Message) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Returns a message to the queue, to be delivered again `delay_s` seconds after `now`.
    fn retry(
        &self,
        message: &Self::Message,
        now: Timestamp,
        delay_s: u64,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Moves a message to the dead letters.
    fn dead(
        &self,
        message: &Self::Message,
        reason: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Returns the number of queued messages, including hidden ones.
    fn depth(&self) -> impl Future<Output = Result<u64, Fault>> + Send;

    /// Returns the bodies and reasons of the dead letters.
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

/// Generates a test for each named case. The other macros call it.
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

/// Returns the names of the cases, for a runtime without tests of its own: `upload_repo_cases!(contract_names ())`.
#[macro_export]
macro_rules! contract_names {
    (() $($module:ident: $($case:ident)+;)+) => {
        [$($(stringify!($case)),+),+].as_slice()
    };
}

/// Runs the case of this name against the subject; `false` if there is none:
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

/// Passes the cases of [`UploadRepo`](consign_core::ports::UploadRepo) to another macro.
#[macro_export]
macro_rules! upload_repo_cases {
    ($then:ident $args:tt) => {
        $crate::$then! { $args
            upload_repo:
                an_inserted_upload_is_found
                every_field_survives
                an_object_key_is_taken_once
                a_purged_upload_releases_its_object_key_long_after_its_urls_expired
                an_insert_repeated_after_a_lost_answer_has_one_effect
                a_save_moves_the_record
                a_stale_revision_conflicts_and_writes_nothing
                a_save_of_an_unknown_upload_conflicts
                a_save_repeated_after_a_lost_answer_conflicts
                of_fifty_savers_one_wins
                savers_that_read_again_all_succeed;
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
                limits_are_checked_in_order;
            upload_repo_reads:
                unknown_things_are_not_found
                a_listing_is_newest_first_in_pages
                a_listing_is_stable_while_uploads_come_in
                a_listing_filters
                a_listing_shows_deleted_uploads_only_when_asked
                a_listing_shows_one_owner
                due_uploads_come_longest_due_first
                a_line_is_read_in_ranges
                a_backlog_of_one_owner_fills_no_other_line
                uploads_are_found_together
                what_is_held_is_not_due
                ranges_that_are_held_leave_their_lines
                due_follows_every_save;
        }
    };
}

/// The contract of [`UploadRepo`](consign_core::ports::UploadRepo), one test per case.
#[macro_export]
macro_rules! upload_repo_contract {
    ($make:expr) => {
        $crate::upload_repo_cases! { contract_tests ($make) }
    };
}

/// Passes the cases of [`ObjectStore`](consign_core::ports::ObjectStore) to another macro.
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
                a_missing_bucket_is_a_missing_resource
                keys_are_taken_as_they_are;
        }
    };
}

/// The contract of [`ObjectStore`](consign_core::ports::ObjectStore), one test per case. The store must have
/// [`BUCKET`](crate::contract::BUCKET), empty, and not [`BUCKET_MISSING`](crate::contract::BUCKET_MISSING).
#[macro_export]
macro_rules! object_store_contract {
    ($make:expr) => {
        $crate::object_store_cases! { contract_tests ($make) }
    };
}

/// Passes the cases of [`Multipart`](consign_core::ports::Multipart) to another macro.
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
                an_unknown_multipart_is_a_result_of_its_own;
        }
    };
}

/// The contract of [`Multipart`](consign_core::ports::Multipart), one test per case. The subject must also implement
/// [`ObjectStore`](consign_core::ports::ObjectStore) and [`ClientParts`](crate::contract::ClientParts).
#[macro_export]
macro_rules! multipart_contract {
    ($make:expr) => {
        $crate::multipart_cases! { contract_tests ($make) }
    };
}

/// The contract of a queue that is polled ([`Consume`](crate::contract::Consume)), one test per case.
#[macro_export]
macro_rules! ingest_queue_contract {
    ($make:expr) => {
        $crate::contract_tests! { ($make)
            ingest_queue:
                a_job_sent_is_received
                sweep_jobs_are_messages
                an_empty_queue_gives_nothing
                a_message_is_hidden_and_delivered_again
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

/// Further cases after [`ingest_queue_contract`], for a queue that uses the clock of its caller.
#[macro_export]
macro_rules! ingest_queue_clock_contract {
    ($make:expr) => {
        $crate::contract_tests! { ($make)
            ingest_queue:
                a_clock_that_is_set_back_hides_no_message;
        }
    };
}

/// The contract of an adapter over a failing medium ([`Medium`](crate::contract::below::Medium)), one test per case.
/// `make` returns the medium and the adapter.
#[macro_export]
macro_rules! below_contract {
    ($make:expr) => {
        $crate::below_tests! { ($make)
            a_fault_below_is_reported_with_its_kind
            the_call_after_a_fault_below_succeeds
            faults_below_that_repeat_are_survived
            of_many_writers_each_gets_its_own_result
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
