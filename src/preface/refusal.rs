//! Why a preface is refused: one name per cause and the words for a log line. There is nothing to answer: whoever
//! sent it is a proxy or a TLS client, and the connection is closed.

use std::fmt;

macro_rules! causes {
    ($($variant:ident $name:literal $words:literal,)*) => {
        /// Why a preface is refused, one variant per cause.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Refusal { $(#[doc = $words] $variant,)* }

        impl Refusal {
            /// Every cause there is, for tables of counters; `self as usize` is the place in it.
            pub const ALL: &'static [Refusal] = &[$(Refusal::$variant,)*];

            /// The name for counters and logs.
            pub fn name(self) -> &'static str {
                match self { $(Refusal::$variant => $name,)* }
            }
        }

        impl fmt::Display for Refusal {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Refusal::$variant => $words,)* })
            }
        }
    };
}

causes! {
    NotProxy "not_proxy" "the first bytes begin no PROXY header",
    ProxyLineEnd "proxy_line_end" "a CR or an LF that is not the CRLF at the end of the PROXY line",
    ProxyLineTooLong "proxy_line_too_long" "no CRLF within the 107 bytes that a PROXY line may have",
    ProxyLine "proxy_line" "the PROXY line is not protocol, two addresses and two ports, one space apart",
    ProxyProtocol "proxy_protocol" "the PROXY line is for neither TCP4, TCP6 nor UNKNOWN",
    ProxyAddress "proxy_address" "an address of the PROXY line is not one of its protocol",
    ProxyPort "proxy_port" "a port of the PROXY line is not a plain number from 0 to 65535",
    ProxyVersion "proxy_version" "a binary PROXY header of a version other than 2",
    ProxyCommand "proxy_command" "a PROXY header with a command other than LOCAL and PROXY",
    ProxyFamily "proxy_family" "a PROXY header with an address family or a transport that there is not",
    ProxyTooLong "proxy_too_long" "a PROXY header longer than the limit",
    ProxyTooShort "proxy_too_short" "a PROXY header too short for the addresses it announces",
    ProxyRecord "proxy_record" "what follows the addresses of a PROXY header is not made of type, length and value",
    ProxyChecksum "proxy_checksum" "the checksum of a PROXY header does not match, or there is more than one",
    NotTls "not_tls" "the first bytes begin no TLS handshake",
    NotHello "not_hello" "the first message of the TLS handshake is no ClientHello",
    TlsRecord "tls_record" "a TLS record within the ClientHello is of another type or version, empty or too long",
    TlsRecords "tls_records" "the ClientHello is cut into too many TLS records",
    HelloTooLong "hello_too_long" "the ClientHello is longer than the limit",
    HelloLengths "hello_lengths" "the lengths inside the ClientHello do not fit together",
    ServerNameTwice "server_name_twice" "more than one server name in the ClientHello",
    ServerName "server_name" "the server name in the ClientHello is not a host name",
    ServerNameAddress "server_name_address" "the server name in the ClientHello is an address in numbers",
}

impl std::error::Error for Refusal {}
