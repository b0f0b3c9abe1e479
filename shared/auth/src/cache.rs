//! The cache of verified tokens. A page sends the same token with every call, and parsing it and verifying its HS256
//! took a seventh of `sign-upload`'s time on Lambda.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::Identity;

/// The maximum number of cached tokens. With tokens of the maximum length, they take 2 MB.
const CACHED_TOKENS_MAX: usize = 256;

/// The validity of a token, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    /// The beginning (`nbf`), if the token has one.
    pub(super) from: Option<f64>,
    /// The end (`exp`), exclusive.
    pub(super) until: f64,
}

/// The identities of tokens whose signature, issuer, audience and subject were verified. The validity is not checked
/// here, since it depends on the time: callers check it each time. Clones share the cache.
#[derive(Clone, Default)]
pub(super) struct TokenCache(Arc<Mutex<HashMap<String, (Identity, Validity)>>>);

impl fmt::Debug for TokenCache {
    /// Omits the tokens, which are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}

impl TokenCache {
    /// Returns the cached identity of this token.
    pub(super) fn get(&self, token: &str) -> Option<(Identity, Validity)> {
        let cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(token).cloned()
    }

    /// Caches a token. If the cache is full, it is emptied first, and other tokens are verified again at their next
    /// use.
    pub(super) fn put(&self, token: &str, identity: &Identity, validity: Validity) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= CACHED_TOKENS_MAX {
            cache.clear();
        }
        cache.insert(token.to_owned(), (identity.clone(), validity));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consign_ids::OwnerId;

    #[test]
    fn the_cache_has_a_maximum_size() {
        let cache = TokenCache::default();
        let identity = Identity {
            owner: OwnerId::parse("o").unwrap(),
            tier: None,
            scopes: Vec::new(),
        };
        let validity = Validity {
            from: None,
            until: 1.0,
        };
        for token in 0..=CACHED_TOKENS_MAX {
            cache.put(&token.to_string(), &identity, validity);
        }
        let found = (0..=CACHED_TOKENS_MAX).filter(|token| cache.get(&token.to_string()).is_some());
        assert_eq!(found.collect::<Vec<_>>(), [CACHED_TOKENS_MAX]);
        assert_eq!(cache.get("256").unwrap().0, identity);
        assert!(!format!("{cache:?}").contains("256"));
    }
}
