//! The HTTP/1.1 engine that the Bayonet backends share.
//!
//! A backend brings listeners, streams, timers and threads; everything that HTTP is happens here, once:
//!
//! | module | is |
//! |---|---|
//! | [`h1`] | the protocol: pure functions and one state machine |

pub mod h1;
