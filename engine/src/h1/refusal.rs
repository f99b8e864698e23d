//! Why a message is refused, and what its sender is told.

use std::fmt;

use http::StatusCode;
use http_server_trait::{BodyErrorKind, CloseReason};

/// Declares the refusals: status, and the reason that stands in the answer.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $text:literal;)+) => {
        /// A message that cannot be understood in exactly one way, or is larger than it may be.
        ///
        /// The connection is closed after the answer: where the next message begins is not known.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Refusal { $($(#[$doc])* $name,)+ }

        impl Refusal {
            /// Every refusal.
            pub const ALL: &'static [Refusal] = &[$(Refusal::$name,)+];

            /// The status of the answer. The one place that maps one to the other.
            pub fn status(self) -> StatusCode {
                match self { $(Refusal::$name => StatusCode::$status,)+ }
            }

            /// What the sender is told.
            pub fn reason(self) -> &'static str {
                match self { $(Refusal::$name => $text,)+ }
            }
        }
    };
}

refusals! {
    /// The first byte cannot begin a request: another protocol, such as TLS.
    NotHttp = BAD_REQUEST, "this is no HTTP request";
    /// More than one empty line before the request line.
    EmptyLines = BAD_REQUEST, "more than one empty line before the request line";
    /// A line ends in LF alone (RFC 9112, 2.2).
    BareLf = BAD_REQUEST, "a line ends in LF without CR";
    /// The request line is not `method SP target SP version` (RFC 9112, 3).
    RequestLine = BAD_REQUEST, "the request line is not `method target version`";
    /// The request line is longer than allowed.
    RequestLineTooLong = URI_TOO_LONG, "the request line is too long";
    /// The method is longer than any known one (RFC 9112, 3).
    MethodTooLong = NOT_IMPLEMENTED, "the method is too long to be known";
    /// The target has characters that no URI has, or none at all (RFC 9112, 3.2).
    Target = BAD_REQUEST, "the request target is no valid one";
    /// Authority-form without CONNECT, or CONNECT without it (RFC 9112, 3.2.3).
    AuthorityForm = BAD_REQUEST, "only CONNECT has a target of the form `host:port`, and it has no other";
    /// Asterisk-form without OPTIONS (RFC 9112, 3.2.4).
    AsteriskForm = BAD_REQUEST, "only OPTIONS may have the target `*`";
    /// The version is not `HTTP/` DIGIT `.` DIGIT (RFC 9112, 2.3).
    Version = BAD_REQUEST, "the version is not of the form `HTTP/1.1`";
    /// Another major version than 1.
    VersionUnsupported = HTTP_VERSION_NOT_SUPPORTED, "only HTTP/1.0 and HTTP/1.1 are spoken here";
    /// The head is larger than allowed.
    HeadTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too large";
    /// There are more field lines than allowed.
    TooManyFields = REQUEST_HEADER_FIELDS_TOO_LARGE, "there are too many fields";
    /// A field name is no token (RFC 9110, 5.1).
    FieldName = BAD_REQUEST, "a field name has a character that none may have";
    /// White space between name and colon (RFC 9112, 5.1).
    SpaceBeforeColon = BAD_REQUEST, "there is white space before the colon of a field";
    /// A field line begins with white space (RFC 9112, 2.2 and 5.2).
    Folded = BAD_REQUEST, "a field line begins with white space";
    /// A field value has a control character (RFC 9110, 5.5).
    FieldValue = BAD_REQUEST, "a field value has a control character";
    /// HTTP/1.1 without Host (RFC 9112, 3.2).
    HostMissing = BAD_REQUEST, "there is no Host field";
    /// More than one Host line.
    HostTwice = BAD_REQUEST, "there is more than one Host field";
    /// A Host that names no host.
    Host = BAD_REQUEST, "the Host field names no host";
    /// Transfer-Encoding beside Content-Length (RFC 9112, 6.1).
    LengthAndChunked = BAD_REQUEST, "there are both Content-Length and Transfer-Encoding";
    /// A Content-Length that is no number, or several (RFC 9112, 6.3).
    Length = BAD_REQUEST, "the Content-Length is not one number";
    /// A Content-Length beyond any limit.
    LengthTooLarge = PAYLOAD_TOO_LARGE, "the Content-Length is too large";
    /// Transfer-Encoding in HTTP/1.0 (RFC 9112, 6.1).
    CodingInHttp10 = BAD_REQUEST, "HTTP/1.0 has no Transfer-Encoding";
    /// The final coding is not chunked (RFC 9112, 6.3).
    ChunkedNotLast = BAD_REQUEST, "the last transfer coding is not `chunked`, once and without parameters";
    /// A coding before chunked that is not known (RFC 9112, 6.1).
    CodingUnknown = NOT_IMPLEMENTED, "of the transfer codings only `chunked` is known here";
    /// An expectation other than 100-continue (RFC 9110, 10.1.1).
    Expectation = EXPECTATION_FAILED, "the only expectation known here is `100-continue`";
    /// CONNECT or TRACE, where neither is let through.
    Tunnel = NOT_IMPLEMENTED, "this server does neither CONNECT nor TRACE";
    /// A chunk size that is no hexadecimal number, or too large a one (RFC 9112, 7.1).
    ChunkSize = BAD_REQUEST, "a chunk size is no hexadecimal number of at most 16 digits";
    /// A chunk extension that is malformed (RFC 9112, 7.1.1).
    ChunkExtension = BAD_REQUEST, "a chunk extension is malformed";
    /// Chunk data that is not followed by CRLF (RFC 9112, 7.1).
    ChunkEnd = BAD_REQUEST, "a chunk does not end where its size says";
    /// A chunk line that is longer than allowed.
    ChunkLineTooLong = BAD_REQUEST, "a chunk line is too long";
    /// More chunk extensions than allowed in one message.
    ExtensionsTooLarge = BAD_REQUEST, "there are too many chunk extensions";
    /// A trailer section that is larger than allowed.
    TrailersTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE, "the trailers are too large";
    /// More trailer lines than allowed.
    TooManyTrailers = REQUEST_HEADER_FIELDS_TOO_LARGE, "there are too many trailers";
    /// A trailer that tries to frame or route the message (RFC 9110, 6.5.1).
    TrailerField = BAD_REQUEST, "a trailer frames or routes the message";
    /// The sender has ended its side in the middle of the message (RFC 9112, 8).
    Incomplete = BAD_REQUEST, "the message ended before it was complete";
    /// More content than allowed.
    BodyTooLarge = PAYLOAD_TOO_LARGE, "the content is too large";
}

impl Refusal {
    /// What the ledger calls it.
    pub fn close_reason(self) -> CloseReason {
        match self {
            Refusal::RequestLineTooLong
            | Refusal::HeadTooLarge
            | Refusal::TooManyFields
            | Refusal::TrailersTooLarge
            | Refusal::TooManyTrailers => CloseReason::HeadTooLarge,
            Refusal::LengthTooLarge | Refusal::BodyTooLarge => CloseReason::BodyTooLarge,
            Refusal::Incomplete => CloseReason::ClientLeft,
            _ => CloseReason::ProtocolError,
        }
    }

    /// What a handler that reads the content is told.
    pub fn body_error(self) -> BodyErrorKind {
        match self.close_reason() {
            CloseReason::BodyTooLarge => BodyErrorKind::TooLarge,
            // Of what is limited like a head, only trailers come with content.
            CloseReason::HeadTooLarge => BodyErrorKind::TrailersTooLarge,
            CloseReason::ClientLeft => BodyErrorKind::Disconnected,
            _ => BodyErrorKind::Malformed,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for Refusal {}
