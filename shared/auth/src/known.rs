//! Tokens that were verified: a page sends the same one with every call, and to read it and verify its HS256 was a seventh of
//! what `sign-upload` does on Lambda.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::Identity;

/// How many tokens are remembered. With the longest that are taken, this is 2 MB.
const KNOWN_MAX: usize = 256;

/// When a token is valid, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    /// From here on (`nbf`), where it says so.
    pub(super) from: Option<f64>,
    /// Until before here (`exp`).
    pub(super) until: f64,
}

/// What tokens say whose signature, issuer, audience and subject were found right. What depends on the time is not checked:
/// it is to be, each time. Clones share what they know.
#[derive(Clone, Default)]
pub(super) struct Known(Arc<Mutex<HashMap<String, (Identity, Validity)>>>);

impl fmt::Debug for Known {
    /// Every key of it is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
    }
}

impl Known {
    /// What is known of this very token.
    pub(super) fn get(&self, token: &str) -> Option<(Identity, Validity)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(token).cloned()
    }

    /// Remembers a token. Where there is no room, all others are forgotten, and verified again when they come again.
    pub(super) fn put(&self, token: &str, identity: &Identity, validity: Validity) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(token.to_owned(), (identity.clone(), validity));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consign_ids::OwnerId;

    #[test]
    fn as_many_are_remembered_as_there_is_room_for() {
        let known = Known::default();
        let identity = Identity {
            owner: OwnerId::parse("o").unwrap(),
            tier: None,
            scopes: Vec::new(),
        };
        let validity = Validity {
            from: None,
            until: 1.0,
        };
        for token in 0..=KNOWN_MAX {
            known.put(&token.to_string(), &identity, validity);
        }
        let found = (0..=KNOWN_MAX).filter(|token| known.get(&token.to_string()).is_some());
        assert_eq!(found.collect::<Vec<_>>(), [KNOWN_MAX]);
        assert_eq!(known.get("256").unwrap().0, identity);
        assert!(!format!("{known:?}").contains("256"));
    }
}
