//! The closed lists: how a connection ends, how a request ends, and what a handler is told of it.

use std::fmt;

/// Declares a list of reasons: an enum, all of it in order, and a stable name for each.
macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$why:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name { $($(#[$why])* $variant,)+ }

        impl $name {
            /// Every reason, in the order of the list.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// Its stable name, for logs and metrics.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }

            /// Its place in [`ALL`](Self::ALL).
            pub fn index(self) -> usize {
                self as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

reasons! {
    /// Why a connection was closed. Every accepted connection ends in exactly one of these, so
    /// `accepted = open + sum(closed by reason)` at any quiet point. (Clause T-61.)
    ///
    /// It is the one list of names: those of [`AbortReason`] are among them, and what
    /// [`Conn::disconnected`](crate::Conn::disconnected) says is one of them. (Clause T-59.)
    CloseReason {
        /// The client closed between two messages, or before its first. Said of a request that is under way: it
        /// has ended its sending side. It may still read: a client that half-closes after its request waits for
        /// its answer.
        ClientClosed = "client_closed",
        /// The client left in the middle of a request or of its answer.
        ClientLeft = "client_left",
        /// The last answer said `Connection: close` because the client asked for it, or its version
        /// does not persist.
        Finished = "finished",
        /// The last answer said `Connection: close` because the application asked for it.
        AppClosed = "app_closed",
        /// An early answer left content unread that was too much to read for its own sake.
        UnreadContent = "unread_content",
        /// As many requests were answered as one connection may have.
        RequestLimit = "request_limit",
        /// No complete head in time. Also where no byte came at all.
        HeadTimeout = "head_timeout",
        /// No next request in time.
        IdleTimeout = "idle_timeout",
        /// The content stalled.
        BodyTimeout = "body_timeout",
        /// The content came slower than the configured rate.
        BodyTooSlow = "body_too_slow",
        /// The handler took longer than a request may, and no answer could be given.
        RequestTimeout = "request_timeout",
        /// The client took nothing of the answer for too long.
        WriteTimeout = "write_timeout",
        /// The client took the answer slower than the configured rate.
        WriteTooSlow = "write_too_slow",
        /// The message broke the protocol and was refused with a 4xx or 5xx.
        ProtocolError = "protocol_error",
        /// The head was larger than the limits and was refused with 414 or 431.
        HeadTooLarge = "head_too_large",
        /// The content was larger than the limit and was refused with 413.
        BodyTooLarge = "body_too_large",
        /// The answer could not be completed, and the connection was cut so that it shows.
        AnswerCut = "answer_cut",
        /// The server held as many connections as it may and refused this one with 503.
        AtCapacity = "at_capacity",
        /// It held more of the memory than the budget has, and was cut.
        OverBudget = "over_budget",
        /// The server was shutting down and nothing was under way, or not any more.
        Shutdown = "shutdown",
        /// The server was shutting down and the deadline struck while something was under way.
        ShutdownCut = "shutdown_cut",
        /// The application took the connection over, and has finished with it.
        TakenOver = "taken_over",
        /// It left for another server and lives on there.
        Parked = "parked",
        /// The application killed it.
        Killed = "killed",
        /// Reading from it failed, other than by a reset.
        ReadError = "read_error",
        /// Writing to it failed, other than by a reset.
        WriteError = "write_error",
        /// The server itself failed. A bug; please report it.
        ServerError = "server_error",
    }
}

reasons! {
    /// Why a request has no complete answer. `requests = completed + sum(aborted by reason)` at any
    /// quiet point. (Clause T-61.) Each name is that of a [`CloseReason`].
    AbortReason {
        /// The client left before its request or its answer was complete.
        ClientLeft = "client_left",
        /// The client took nothing of the answer for too long.
        WriteTimeout = "write_timeout",
        /// The client took the answer slower than the configured rate.
        WriteTooSlow = "write_too_slow",
        /// The deadline of the request struck when its answer had begun.
        RequestTimeout = "request_timeout",
        /// The content of the answer failed, panicked, or was not what its head had promised.
        AnswerCut = "answer_cut",
        /// Reading from the connection failed, other than by a reset.
        ReadError = "read_error",
        /// Writing to it failed, other than by a reset.
        WriteError = "write_error",
        /// The connection held more of the memory than the budget has, and was cut.
        OverBudget = "over_budget",
        /// The deadline of the shutdown struck.
        ShutdownCut = "shutdown_cut",
        /// The application killed the connection.
        Killed = "killed",
        /// The server itself failed. A bug; please report it.
        ServerError = "server_error",
    }
}

/// How a request ended: exactly one of these, see [`Head::outcome`](crate::Head::outcome).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// A complete answer was given to the operating system to send.
    Sent,
    /// A hook took the connection over: raw, or after an answer such as a 101.
    TakenOver,
    /// There is no answer, or not all of it.
    Aborted(AbortReason),
}

impl Outcome {
    /// Whether it has all that it was to get: a complete answer, or the connection.
    pub fn is_completed(self) -> bool {
        self.aborted().is_none()
    }

    /// Why it has not, if it has not.
    pub fn aborted(self) -> Option<AbortReason> {
        match self {
            Outcome::Sent | Outcome::TakenOver => None,
            Outcome::Aborted(reason) => Some(reason),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Sent => f.write_str("sent"),
            Outcome::TakenOver => f.write_str("taken_over"),
            Outcome::Aborted(reason) => write!(f, "aborted: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AbortReason, CloseReason, Outcome};
    use std::collections::HashSet;

    #[test]
    fn names_and_places_are_unique() {
        let close: HashSet<_> = CloseReason::ALL
            .iter()
            .map(|reason| reason.name())
            .collect();
        assert_eq!(close.len(), CloseReason::ALL.len());
        let abort: HashSet<_> = AbortReason::ALL
            .iter()
            .map(|reason| reason.name())
            .collect();
        assert_eq!(abort.len(), AbortReason::ALL.len());
        assert!(abort.is_subset(&close), "there is one list of names");
        for (place, reason) in CloseReason::ALL.iter().enumerate() {
            assert_eq!(reason.index(), place);
        }
    }

    #[test]
    fn outcome_is_one_of_completed_and_aborted() {
        let aborted = AbortReason::ALL.iter().copied().map(Outcome::Aborted);
        for outcome in [Outcome::Sent, Outcome::TakenOver]
            .into_iter()
            .chain(aborted)
        {
            assert_eq!(outcome.is_completed(), outcome.aborted().is_none());
        }
        let killed = Outcome::Aborted(AbortReason::Killed);
        assert_eq!(killed.aborted(), Some(AbortReason::Killed));
        assert_eq!(killed.to_string(), "aborted: killed");
    }
}
