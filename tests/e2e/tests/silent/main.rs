//! A store that tells nobody of what it gets: what is found without events, and events that come by webhook alone.

mod events;
mod lost;
