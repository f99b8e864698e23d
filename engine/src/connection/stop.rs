//! Why a connection stops, and what the ledger calls it.

use http_server_trait::{AbortReason, CloseReason};

/// Why nothing more can be done on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The peer has ended its side, and something was still to come.
    Left,
    /// The peer reset the connection.
    Reset,
    ReadFailed,
    WriteFailed,
    WriteStalled,
    WriteTooSlow,
    /// The answer cannot be completed.
    AnswerCut,
    /// The request took too long when its answer had begun, or could not be answered.
    RequestDeadline,
    Killed,
    /// It holds more than the memory budget has.
    OverBudget,
    /// The deadline of a shutdown.
    ShutdownCut,
}

impl Stop {
    pub(crate) fn close_reason(self) -> CloseReason {
        match self {
            Stop::Left | Stop::Reset => CloseReason::ClientLeft,
            Stop::ReadFailed => CloseReason::ReadError,
            Stop::WriteFailed => CloseReason::WriteError,
            Stop::WriteStalled => CloseReason::WriteTimeout,
            Stop::WriteTooSlow => CloseReason::WriteTooSlow,
            Stop::AnswerCut => CloseReason::AnswerCut,
            Stop::RequestDeadline => CloseReason::RequestTimeout,
            Stop::Killed => CloseReason::Killed,
            Stop::OverBudget => CloseReason::OverBudget,
            Stop::ShutdownCut => CloseReason::ShutdownCut,
        }
    }

    pub(crate) fn abort_reason(self) -> AbortReason {
        match self {
            Stop::Left | Stop::Reset => AbortReason::ClientLeft,
            Stop::ReadFailed => AbortReason::ReadError,
            Stop::WriteFailed => AbortReason::WriteError,
            Stop::WriteStalled => AbortReason::WriteTimeout,
            Stop::WriteTooSlow => AbortReason::WriteTooSlow,
            Stop::AnswerCut => AbortReason::AnswerCut,
            Stop::RequestDeadline => AbortReason::RequestTimeout,
            Stop::Killed => AbortReason::Killed,
            Stop::OverBudget => AbortReason::OverBudget,
            Stop::ShutdownCut => AbortReason::ShutdownCut,
        }
    }
}
