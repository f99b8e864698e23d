//! What a message may measure.

use http_server_trait::Config;

/// The limits that reading a message needs, taken from a [`Config`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest request line, its line end not counted.
    pub request_line: usize,
    /// The largest head.
    pub head: usize,
    /// The most field lines.
    pub fields: usize,
    /// The longest method.
    pub method: usize,
    /// The longest chunk line, its line end not counted.
    pub chunk_line: usize,
    /// The most chunk extensions in one message.
    pub chunk_extensions: usize,
    /// The largest trailer section.
    pub trailers: usize,
    /// The most trailer lines.
    pub trailer_fields: usize,
}

impl Limits {
    /// The limits of this configuration.
    pub fn of(config: &Config) -> Self {
        Limits {
            request_line: config.request_line,
            head: config.head,
            fields: config.fields,
            method: config.method,
            chunk_line: config.chunk_line,
            chunk_extensions: config.chunk_extensions,
            trailers: config.trailers,
            trailer_fields: config.trailer_fields,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits::of(&Config::default())
    }
}
