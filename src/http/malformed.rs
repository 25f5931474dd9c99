//! Why a message is refused: one name per cause, the status it becomes, and the words for a log line.

use super::Status;
use std::fmt;

macro_rules! causes {
    ($($variant:ident $status:literal $name:literal $words:literal,)*) => {
        /// Why a message is refused, one variant per cause (law 12: it becomes a status).
        ///
        /// The status is the one for a request. A response with the same flaw is the backend's fault: 502, whatever
        /// [`Malformed::status`] says.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Malformed { $(#[doc = $words] $variant,)* }

        impl Malformed {
            /// Every cause there is, for tables of counters; `self as usize` is the place in it.
            pub const ALL: &'static [Malformed] = &[$(Malformed::$variant,)*];

            /// What a client is answered whose request has this flaw.
            pub fn status(self) -> Status {
                match self { $(Malformed::$variant => Status($status),)* }
            }

            /// The name for counters and logs.
            pub fn name(self) -> &'static str {
                match self { $(Malformed::$variant => $name,)* }
            }
        }

        impl fmt::Display for Malformed {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Malformed::$variant => $words,)* })
            }
        }
    };
}

causes! {
    NotHttp 400 "not_http" "the first byte cannot begin a message",
    EmptyLines 400 "empty_lines" "too many empty lines before the request line",
    BareLf 400 "bare_lf" "a line ends in LF without CR",
    BareCr 400 "bare_cr" "a CR without LF",
    RequestLine 400 "request_line" "the request line is not method, target and version, one space apart",
    Method 400 "method" "the method is not a token",
    MethodTooLong 501 "method_too_long" "the method is longer than any there is",
    Target 400 "target" "the request target is not valid, or not of a form that this method may have",
    TargetTooLong 414 "target_too_long" "the request target is longer than the limit",
    Version 400 "version" "what stands in place of the HTTP version is none",
    VersionUnsupported 505 "version_unsupported" "a major version of HTTP that is not spoken here",
    Connect 501 "connect" "CONNECT is not offered",
    HeadTooLarge 431 "head_too_large" "the head is larger than the limit",
    TooManyFields 431 "too_many_fields" "more fields than the limit",
    FieldName 400 "field_name" "a field name is empty, not a token, or not followed by a colon at once",
    FieldValue 400 "field_value" "a field value holds a control byte",
    Fold 400 "fold" "a line begins with white space (obsolete line folding)",
    HostMissing 400 "host_missing" "HTTP/1.1 without Host",
    HostTwice 400 "host_twice" "more than one Host",
    Host 400 "host" "Host is not a host with an optional port",
    Length 400 "length" "Content-Length is not a plain number",
    LengthTwice 400 "length_twice" "more than one Content-Length",
    LengthAndCoding 400 "length_and_coding" "Content-Length together with Transfer-Encoding",
    Coding 400 "coding" "Transfer-Encoding is not chunked, once and alone",
    CodingUnsupported 501 "coding_unsupported" "a transfer coding that is not offered",
    CodingInOld 400 "coding_in_old" "Transfer-Encoding in HTTP/1.0",
    Expectation 417 "expectation" "an expectation other than 100-continue",
    MaxForwards 400 "max_forwards" "Max-Forwards is not one plain number",
    HeadCut 400 "head_cut" "the connection ended within the head",
    BodyCut 400 "body_cut" "the connection ended within the body",
    BodyTooLarge 413 "body_too_large" "the body is larger than the limit",
    StatusLine 502 "status_line" "the status line is not version, three digits and a reason",
    ChunkSize 400 "chunk_size" "a chunk size is not a plain hexadecimal number",
    ChunkExtension 400 "chunk_extension" "a chunk extension is too long or holds a byte that it may not",
    ChunkEnd 400 "chunk_end" "the line end after a chunk is missing",
    Trailer 400 "trailer" "the trailer section is not made of fields",
}

impl std::error::Error for Malformed {}
