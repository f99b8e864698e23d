//! HTTP/1.1 and HTTP/1.0 as pure functions and one state machine: RFC 9110 and RFC 9112.
//!
//! No sockets, no clock, no futures, no locks. [`Reader`] turns bytes into events; [`answer`] turns
//! an answer into bytes. What is accepted is what the RFC asks for and no more: where it leaves a
//! choice, the strict side is taken.
//!
//! | file | decides |
//! |---|---|
//! | `reader` | which event the next bytes are; the states of a message |
//! | `head` | where a head ends, and what it says about its message |
//! | `quick`, `words` | nothing: what most heads are is read there in one pass, eight bytes at a time |
//! | `request_line`, `target`, `host`, `fields` | what each of these may be |
//! | `framing` | how long the content of a request is |
//! | `chunked` | what a chunk, an extension and a trailer may be |
//! | `answer` | how an answer is framed, and its bytes |
//! | `whole` | nothing: the bytes of an answer about which there is nothing to decide |
//! | `refusal` | what a sender is told whose message is refused |

pub mod answer;
mod chars;
mod chunked;
mod fields;
mod framing;
mod head;
mod host;
mod limits;
mod quick;
mod reader;
mod refusal;
mod request_line;
mod target;
pub(crate) mod whole;
mod words;

pub use framing::Framing;
pub use head::Message;
pub use limits::Limits;
pub use reader::{Event, Reader};
pub use refusal::Refusal;
