//! The contract, clause by clause.
//!
//! Each clause has an id. The conformance suite cites it, as it cites the RFC for what goes over the
//! wire; a backend keeps the contract when the suite passes.
//!
//! # Registration, start, stop
//!
//! | id | clause |
//! |---|---|
//! | T-01 | Registrations are plain data, [`App`](crate::App), the same for every backend. They stay after a start. |
//! | T-02 | [`start`](crate::HttpServer::start) binds, runs the start hooks and serves in the background; it is ready when connections are accepted. An address that cannot be listened on is an error that names it. Port 0 takes a free port and reports it. |
//! | T-03 | Hooks of one kind run in the order in which they were registered. |
//! | T-04 | Start hooks run in the serving runtime before the first accept. One that fails, panics or takes too long is named, and nothing is ever accepted. |
//! | T-05 | Stop hooks run in the serving runtime after the last connection has ended. |
//!
//! # Decisions
//!
//! | id | clause |
//! |---|---|
//! | T-10 | The first hook that does not go on ends its chain: no later middleware and no handler is called. |
//! | T-11 | The results of hooks mean what the table at [`Flow`](crate::Flow) says. |
//! | T-12 | A decision may take its time. While one is pending, other connections are served. |
//! | T-13 | What a hook leaves in the extensions, the hooks after it find there. |
//! | T-14 | Middleware may set the limit of the content and whether it is collected or streamed. |
//! | T-15 | Middleware is called when the head is complete: before a byte of content is needed, and before `100 Continue` is sent. |
//! | T-16 | A takeover gets the bytes that were received and not used first. No handler runs, and the server neither reads nor writes any more. |
//! | T-17 | `101` is only sent to who asked for that protocol; others get 426 with its name, and the error hook is told. |
//!
//! # Handlers and answers
//!
//! | id | clause |
//! |---|---|
//! | T-20 | A handler is called when the head and all of the content are there, within the limits. |
//! | T-21 | A blocking handler stalls nobody's I/O. |
//! | T-22 | A handler that asked for it is called with the head alone and takes the content as it comes. While it does not, no more is read from the client. |
//! | T-23 | A handler that gives a content's error back has it answered with the fitting status. |
//! | T-24 | A handler can be wrapped, and its answer changed. |
//! | T-25 | Interim answers come before the final one and do not end it; HTTP/1.0 clients get none. |
//! | T-26 | A field that cannot be sent makes the answer a 500, and the error hook is told. |
//! | T-27 | Framing is the server's: whatever a handler writes into `Content-Length`, `Transfer-Encoding` and `Connection`, as content of an answer that has none, or into trailers that may not be some, the connection stays intact. What was not sent as given, the error hook is told. |
//! | T-28 | `after` is called exactly once for every request whose head was understood, when its answer has been given to the operating system or has failed. |
//! | T-29 | `after` changes nothing; its errors and panics hurt nobody. |
//! | T-2A | A request that no handler answers gets 404; `OPTIONS *` gets 204 with `Allow`. |
//!
//! # Content
//!
//! | id | clause |
//! |---|---|
//! | T-30 | Content of known length is framed by it; other content by chunks, or by the close for HTTP/1.0. |
//! | T-31 | Each element of an iterator is given to the operating system before the next is asked for. |
//! | T-32 | Readers are read where blocking stalls nobody. |
//! | T-33 | Of a file exactly the named part is sent; nothing lies beyond its end. |
//! | T-34 | A sender waits above the high mark and goes on at the low mark. Its callbacks are told of both, in turn. |
//! | T-35 | Content that is not finished by its producer cuts the connection. |
//! | T-36 | A writer's fields are frozen at its first flush; before that, closing gives an exact length. |
//!
//! # Failures
//!
//! | id | clause |
//! |---|---|
//! | T-40 | A failure or panic before the head of the answer is out gives a 500. |
//! | T-41 | After it, the connection is cut, so that a truncated answer never looks complete. |
//! | T-42 | Every failure reaches the error hook with its hook, ids and request line. Without an error hook it is logged, and without a logger written to stderr. |
//! | T-43 | A client that left is not a failure. |
//! | T-44 | A request that takes longer than it may is answered by the deadline hook, or with 503. |
//!
//! # Connections
//!
//! | id | clause |
//! |---|---|
//! | T-50 | A fact that does not exist is absent, never faked. |
//! | T-51 | Shared values are visible in every hook. |
//! | T-52 | [`Exec`](crate::Exec) spawns, sleeps and blocks on the runtime that serves, also after a hand-over, whoever keeps it. What was spawned before one is waited for on the runtime that it began on, and is in the report. |
//! | T-53 | Ids are unique in a server; that of a request starts with that of its connection, and that with its parent's. |
//! | T-54 | [`disconnected`](crate::Conn::disconnected) is ready when the peer ends its side, within a second where nobody reads what came before that, and says why; by itself it consumes and cancels nothing. |
//! | T-55 | [`completed`](crate::Conn::completed) waits for the close, for the hooks, and for every [`Hold`](crate::Hold). |
//! | T-56 | A connection that is asked to close after its answer finishes it, says that it is the last, and closes; at once if nothing is under way; cut if it takes longer than it may. One that is killed ends at once. |
//! | T-57 | The table shows every open connection: who it is, what it does, how much it has moved, which application answers it. |
//! | T-58 | A server is starting, ready, draining or stopped, in this order; who waits for one of these is told. It is draining as soon as an end has been asked for, although a lame duck still accepts. |
//! | T-59 | [`outcome`](crate::Head::outcome) of a request is exactly one of completed (sent, or taken over) and aborted with the reason of the ledger. It is ready when all of the answer has been given to the operating system or when it is certain that it cannot be, and consumes nothing. All reasons have one list of names: [`CloseReason`](crate::CloseReason). |
//!
//! # The server
//!
//! | id | clause |
//! |---|---|
//! | T-60 | The handle works from any runtime and from none, and is a future of the end. Dropping it stops nothing. |
//! | T-61 | The ledger balances at every quiet point. |
//! | T-62 | A shutdown accepts nothing more, closes idle connections at once, lets requests finish until the deadline, and reports what was finished and what was cut. The address is free then. |
//! | T-63 | A stream that somebody else accepted is served like any other. |
//! | T-64 | A server can be accepted for by hand; an error of accepting is the caller's, and the server goes on. |
//! | T-65 | What a backend cannot do it says, with the reason. |
//! | T-66 | The runtime whose name a backend has is the one that hooks run in: its timers, sockets, tasks and its idea of the current task work there. |
//! | T-67 | A running server moves to another backend, [`handover`](crate::ServerHandle::handover): no connection is refused, connections between two messages go on there with their unread bytes, their id and their count of requests, busy ones follow when their answer is out. If the other side cannot start, nothing has changed. |
//! | T-68 | Another application can take the place of the running one, [`replace_app`](crate::ServerHandle::replace_app): every request whose head is complete after that is the new one's, on old connections, too. A request is one application's, with its shared values, from its middleware to its `after` and error hooks. If the new one does not start, nothing has changed, and the hook is named. |
//! | T-69 | An application that was replaced finishes what it has begun, connections that it has taken over included; then its stop hooks run and it is dropped, however many connections wait. A hand-over takes the applications along; a server that ends or moves takes no other. |
//! | T-6A | An application on trial, [`canary`](crate::ServerHandle::canary), gets exactly its share of the requests. [`promote`](crate::ServerHandle::promote) gives it all of them, [`rollback`](crate::ServerHandle::rollback) none. |
