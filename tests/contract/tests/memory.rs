//! The adapters in memory keep the contract.

use consign_testkit::{MemoryQueue, MemoryRepo, MemoryStore};

mod repo {
    use super::MemoryRepo;

    async fn make() -> ((), MemoryRepo) {
        ((), MemoryRepo::new())
    }

    consign_testkit::upload_repo_contract!(make);
}

mod repo_that_holds_the_queue {
    use super::{MemoryQueue, MemoryRepo};

    async fn make() -> ((), MemoryRepo<true>) {
        ((), MemoryRepo::holding(MemoryQueue::new()))
    }

    consign_testkit::upload_repo_contract!(make);
}

async fn store() -> ((), MemoryStore) {
    ((), MemoryStore::new([consign_testkit::contract::BUCKET]))
}

mod objects {
    consign_testkit::object_store_contract!(super::store);
}

mod multipart {
    consign_testkit::multipart_contract!(super::store);
}

mod queue {
    use super::MemoryQueue;

    async fn make() -> ((), MemoryQueue) {
        ((), MemoryQueue::new())
    }

    consign_testkit::ingest_queue_contract!(make);
    consign_testkit::ingest_queue_clock_contract!(make);
}
