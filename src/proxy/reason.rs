//! Why things end: a list with explanations, not an error string (law 12).
//!
//! Every request and every connection ends once, with one of these; each is counted under its name.

/// Why a request or a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The request was answered in full; the tunnel was closed from both sides.
    Finished,
    /// The client closed a connection on which nothing was under way.
    ClientDone,
    /// The connection was to close after the last answer.
    Closed,
    /// We answered a request ourselves, as an error or on the admin address.
    Answered,
    /// The client reset the connection.
    ClientReset,
    /// The client left in the middle of a request.
    ClientLeft,
    /// No complete request head came in time.
    HeaderTimeout,
    /// The client may not say whose connection it is, and has to.
    Untrusted,
    /// What stands before the traffic is not what it should be.
    BadPreface,
    /// A kept-alive client asked for nothing more.
    IdleTimeout,
    /// The client stopped in the middle of a request body.
    BodyTimeout,
    /// The client took no more of its response.
    ClientStalled,
    /// No route takes the request, and there is no pool for the rest.
    NoRoute,
    /// No backend is left to try: none accepted a connection.
    NoBackend,
    /// All backends are full, and so is the queue, if there is one.
    QueueFull,
    /// All backends were full for as long as a request may wait.
    QueueTimeout,
    /// The client's address has as many connections as it may.
    ClientConnections,
    /// The client's address asks faster than it may.
    ClientRequests,
    /// A client that asked for nothing had to make room for another.
    MadeRoom,
    /// No backend is left to try, and the last one did not answer a connection attempt in time.
    ConnectTimeout,
    /// The backend sent no response in time, or stopped in the middle of one.
    ResponseTimeout,
    /// The backend closed or reset the connection before a response.
    UpstreamDied,
    /// The backend closed or reset the connection before a response, and the pool's budget had no retry left.
    RetryDenied,
    /// The backend's response ended before its length.
    Truncated,
    /// The backend's response was not HTTP.
    BadResponse,
    /// The client's body was not what its head announced.
    BadRequest,
    /// Nothing passed through a tunnel for too long.
    TunnelTimeout,
    /// One side of a tunnel was reset.
    TunnelReset,
    /// We are leaving and time ran out.
    Drained,
    /// The session asked to go on and did nothing: a bug of ours (law 7).
    Stuck,
    /// The operating system refused us something.
    System,
}

impl Reason {
    /// Its name in counters and logs.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Finished => "finished",
            Reason::ClientDone => "client_done",
            Reason::Closed => "closed",
            Reason::Answered => "answered",
            Reason::ClientReset => "client_reset",
            Reason::ClientLeft => "client_left",
            Reason::HeaderTimeout => "header_timeout",
            Reason::Untrusted => "untrusted",
            Reason::BadPreface => "bad_preface",
            Reason::IdleTimeout => "idle_timeout",
            Reason::BodyTimeout => "body_timeout",
            Reason::ClientStalled => "client_stalled",
            Reason::NoRoute => "no_route",
            Reason::NoBackend => "no_backend",
            Reason::QueueFull => "queue_full",
            Reason::QueueTimeout => "queue_timeout",
            Reason::ClientConnections => "client_connections",
            Reason::ClientRequests => "client_requests",
            Reason::MadeRoom => "made_room",
            Reason::ConnectTimeout => "connect_timeout",
            Reason::ResponseTimeout => "response_timeout",
            Reason::UpstreamDied => "upstream_died",
            Reason::RetryDenied => "retry_denied",
            Reason::Truncated => "truncated",
            Reason::BadResponse => "bad_response",
            Reason::BadRequest => "bad_request",
            Reason::TunnelTimeout => "tunnel_timeout",
            Reason::TunnelReset => "tunnel_reset",
            Reason::Drained => "drained",
            Reason::Stuck => "stuck",
            Reason::System => "system",
        }
    }
}
