//! What cases are asked by: the RFCs, the contract, the acceptance lists.
//!
//! A case names the ids of what it holds. Here each id has its title and its source, in the order of the
//! compliance report.

use crate::case::Level;

/// Something that is asked of a server, by whatever authority.
#[derive(Clone, Copy, Debug)]
pub struct Requirement {
    /// `R-012` of the RFCs, `T-16` of the contract, `A0-4` of the acceptance lists.
    pub id: &'static str,
    /// Where it is written: a section of an RFC, say.
    pub source: &'static str,
    /// What is asked, in a few words.
    pub title: &'static str,
    /// How much is asked.
    pub level: Level,
    /// What holds it, if that is no case.
    pub elsewhere: Option<&'static str>,
}

/// All of them, in the order of the report.
pub fn all() -> impl Iterator<Item = &'static Requirement> {
    RFC.iter().chain(CONTRACT).chain(ACCEPTANCE)
}

/// The one of this id.
pub fn find(id: &str) -> Option<&'static Requirement> {
    all().find(|requirement| requirement.id == id)
}

macro_rules! requirements {
    ($($level:ident $id:literal $source:literal $title:literal $(; $elsewhere:literal)?)*) => { &[$(
        Requirement {
            id: $id,
            source: $source,
            title: $title,
            level: Level::$level,
            elsewhere: requirements!(@elsewhere $($elsewhere)?),
        }
    ),*] };
    (@elsewhere) => { None };
    (@elsewhere $elsewhere:literal) => { Some($elsewhere) };
}

/// What the RFCs ask of a server that speaks HTTP/1.1 and 1.0.
pub const RFC: &[Requirement] = requirements! {
    // Messages and lines.
    Must "R-001" "9112, 2.2" "a message is octets, not text"
    Should "R-002" "9112, 2.2" "an empty line before the request line is passed over"
    House "R-003" "9112, 2.2" "a line that ends in LF alone is refused, wherever it is"
    Must "R-004" "9112, 2.2" "a bare CR is refused"
    Must "R-005" "9112, 2.2" "white space before the first field is refused"
    Must "R-006" "9112, 2.3" "the version is `HTTP/` digit `.` digit, in capitals"
    Should "R-007" "9110, 2.5" "a higher minor version is 1.1, another major version gets 505"
    Should "R-008" "9112, 3" "an invalid request line gets 400 and is not mended"
    Should "R-009" "9112, 3" "a request line of 8000 octets is read"
    Must "R-010" "9112, 3" "a method that is too long gets 501, a target 414"
    Must "R-011" "9112, 3.2" "white space in the target gets 400"
    Must "R-012" "9112, 3.2" "no Host, several, or an invalid one get 400"
    Must "R-013" "9112, 3.2.2" "absolute-form is read, and its authority replaces Host"
    Must "R-014" "9112, 3.2.3" "authority-form is CONNECT's alone"
    Must "R-015" "9112, 3.2.4" "asterisk-form is OPTIONS' alone"
    Must "R-016" "9112, 4" "the status line has its space after the code, reason or none"
    Must "R-017" "9112, 5.1" "white space before a colon gets 400"
    Must "R-018" "9112, 5.2" "folded lines are refused"
    Must "R-019" "9112, 5" "no handler can make the server send a broken field"
    Must "R-020" "9112, 8" "a message that ends early is incomplete, and its handler learns it"
    // Framing.
    Must "R-030" "9112, 6.1" "Transfer-Encoding beside Content-Length is refused"
    Must "R-031" "9112, 6.1" "Transfer-Encoding in HTTP/1.0 is faulty framing"
    Should "R-032" "9112, 6.1" "an unknown transfer coding gets 501"
    Must "R-033" "9112, 6.3" "chunked that is not last gets 400 and a close"
    Must "R-034" "9112, 6.3" "chunked twice, identity, or an empty list are no framing"
    Must "R-035" "9112, 6.3" "an invalid Content-Length gets 400 and a close"
    Must "R-036" "9110, 8.6" "Content-Length is digits, of any size, without overflow"
    Must "R-037" "9112, 6.3" "a request with neither has no content"
    Must "R-038" "9112, 7.1" "a chunk size is hexadecimal, without overflow"
    Must "R-039" "9112, 7.1" "chunk data ends where its size says, in CRLF"
    Must "R-040" "9112, 7.1.1" "chunk extensions are passed over, up to a limit"
    Must "R-041" "9112, 7.1.2" "trailers are read, up to a limit, and kept apart from fields"
    Must "R-042" "9110, 6.5.1" "trailers that frame or route have no effect"
    Must "R-043" "9112, 6.1" "no Transfer-Encoding to HTTP/1.0, in 1xx, in 204"
    Must "R-044" "9110, 8.6" "no Content-Length in 1xx and 204; to HEAD and in 304 that of a GET"
    Must "R-045" "9112, 6.3" "no content to HEAD, in 1xx, 204 and 304, whatever a handler gives"
    Must "R-046" "9112, 6" "a handler's wrong framing never breaks the connection"
    Must "R-047" "9112, 7.1.2" "trailers are sent in chunks, and to those who read them"
    // Fields.
    Must "R-050" "9110, 5.1" "field names are tokens, in any case of letters"
    Must "R-051" "9110, 5.5" "white space around a value is not part of it"
    Must "R-052" "9110, 5.5" "CR, LF and NUL in a value are refused"
    Should "R-053" "9110, 5.5" "other control bytes are refused, other high bytes are opaque"
    Must "R-054" "9110, 5.3" "lines of one name keep their order; Set-Cookie is never joined"
    Must "R-055" "9110, 5.6.1" "empty elements of a list are passed over"
    Should "R-056" "6585, 5" "too large a head, or too many fields, get 431"
    Must "R-057" "9110, 7.6.1" "connection options: any case, several lines"
    // Methods and statuses.
    Must "R-060" "9110, 9.1" "methods are case-sensitive; GET and HEAD are there"
    House "R-061" "9110, 9.1" "an unknown method is the application's business"
    Must "R-062" "9110, 15.5.6" "a 405 has Allow: it is the application's, and goes out as it is"
    Must "R-063" "9110, 9.3.2" "HEAD has the fields of GET and no content"
    Must "R-064" "9110, 9.3.1" "content of any method is content, never the next request"
    Should "R-065" "9110, 9.3.7" "OPTIONS * needs no route"
    Must "R-066" "9110, 9.3.8" "TRACE echoes nothing"
    Must "R-067" "9110, 9.3.6" "CONNECT is refused where there are no tunnels"
    Must "R-068" "9110, 6.6.1" "Date, in its one form"
    Must "R-069" "9110, 15.2" "no 1xx to HTTP/1.0"
    Must "R-070" "9110, 15.2" "interim answers come before the final one and do not end it"
    Must "R-071" "9110, 15.3.6" "205 and 204 have no content"
    Must "R-072" "9110, 15.2.2" "101 only to who asked for that protocol; 426 names one"
    Must "R-073" "9110, 14.2" "ranges are the application's: told to it, never acted on, its 206 and 416 as they are"
    Must "R-074" "9110, 13" "conditions are the application's: told to it, never acted on, its 304 and 412 as they are"
    Must "R-075" "9110, 8.8.3" "validators are the application's: entity tags arrive and leave as they were written"
    Should "R-076" "9110, 8.3" "content has a Content-Type"
    Should "R-077" "9110, 10.2.4" "Server is short, and off by default"
    // Expect, connections.
    Must "R-080" "9110, 10.1.1" "100 or a final status before content is waited for"
    Must "R-081" "9110, 10.1.1" "no 100 to HTTP/1.0, and none where there is no content"
    Must "R-082" "9110, 10.1.1" "after a final status in place of 100, the content is read or the connection closed"
    Should "R-083" "9110, 10.1.1" "an unknown expectation gets 417"
    Must "R-090" "9112, 9.3" "1.1 persists by default, 1.0 where it asks and is told"
    Must "R-091" "9112, 9.6" "after the client's close nothing more is answered"
    Should "R-092" "9112, 9.6" "the last answer says close"
    Must "R-093" "9112, 9.3.2" "pipelined requests are answered in order, and never mixed"
    Must "R-094" "9112, 9.6" "a close lingers, so that the answer can be read"
    Should "R-095" "9112, 9.6" "a half-close after a request does not cancel its answer"
    Should "R-096" "9112, 9.5" "time-outs: idle, head, content, write; 408 where a request had begun"
    Must "R-097" "house" "a handler that fails or does not read leaves a clean connection or a closed one"
    Must "R-098" "house" "who does not read stops who writes, both ways"
    Must "R-099" "house" "a shutdown: nothing new, requests finish, idle ones close, the deadline holds"
    Must "R-110" "9110, 7.8" "Upgrade without its connection option, or in HTTP/1.0, is ignored"
    Must "R-161" "house" "Unix sockets: stale paths, mode bits, no addresses made up"
    Must "R-164" "house" "the same on each backend"
};

/// The clauses of [`http_server_trait::contract`].
pub const CONTRACT: &[Requirement] = requirements! {
    Must "T-01" "contract" "registrations are plain data and stay after a start"
    Must "T-02" "contract" "start binds and is ready; port 0; an address in use is named"
    Must "T-03" "contract" "hooks run in the order of registration"
    Must "T-04" "contract" "start hooks run before the first accept, and a failing one is named"
    Must "T-05" "contract" "stop hooks run after the last connection"
    Must "T-10" "contract" "the first hook that does not go on ends its chain"
    Must "T-11" "contract" "what hooks return means what the table says"
    Must "T-12" "contract" "a pending decision stops nobody else"
    Must "T-13" "contract" "extensions reach later hooks"
    Must "T-14" "contract" "middleware sets the limit and the plan of the content"
    Must "T-15" "contract" "middleware runs before content is needed, and before a 100"
    Must "T-16" "contract" "a takeover gets the unread bytes first, and the connection for itself"
    Must "T-17" "contract" "101 only to who asked; others get 426"
    Must "T-20" "contract" "a handler is called when the content is complete"
    Must "T-21" "contract" "a blocking handler stalls nobody"
    Must "T-22" "contract" "a streaming handler takes the content as it comes, and no more is read"
    Must "T-23" "contract" "a content's error given back has the fitting status"
    Must "T-24" "contract" "a handler can be wrapped, its answer changed"
    Must "T-25" "contract" "interim answers of a handler"
    Must "T-26" "contract" "a field that cannot be sent is a 500 and is told"
    Must "T-27" "contract" "framing is the server's"
    Must "T-28" "contract" "`after` is called exactly once"
    Must "T-29" "contract" "`after` changes and hurts nothing"
    Must "T-2A" "contract" "no handler: 404; OPTIONS *: 204"
    Must "T-30" "contract" "content of known length, chunks, or up to the close"
    Must "T-31" "contract" "each element of an iterator is sent before the next is asked for"
    Must "T-32" "contract" "readers are read where blocking stalls nobody"
    Must "T-33" "contract" "of a file exactly the named part"
    Must "T-34" "contract" "a sender waits at the high mark, goes on at the low one"
    Must "T-35" "contract" "content that is not finished cuts the connection"
    Must "T-36" "contract" "a writer's fields freeze at its first flush"
    Must "T-40" "contract" "a failure before the head is a 500"
    Must "T-41" "contract" "a failure after it cuts the connection"
    Must "T-42" "contract" "every failure reaches the error hook"
    Must "T-43" "contract" "a client that left is no failure"
    Must "T-44" "contract" "a late request is answered by the deadline hook or with 503"
    Must "T-50" "contract" "a fact that does not exist is absent"
    Must "T-51" "contract" "shared values are visible in every hook"
    Must "T-52" "contract" "`Exec` spawns, sleeps and blocks on the serving runtime"
    Must "T-53" "contract" "ids are unique and begin with their parent's"
    Must "T-54" "contract" "`disconnected` tells of the peer's end and why, and cancels nothing"
    Must "T-55" "contract" "`completed` waits for close, hooks and holds"
    Must "T-56" "contract" "close after the current answer, in time; kill"
    Must "T-57" "contract" "the table of the live connections"
    Must "T-58" "contract" "starting, ready, draining, stopped"
    Must "T-59" "contract" "a request is completed or aborted, and that can be waited for"
    Must "T-60" "contract" "the handle works from anywhere; dropping it stops nothing"
    Must "T-61" "contract" "the books balance"
    Must "T-62" "contract" "a shutdown and its report"
    Must "T-63" "contract" "streams that somebody else accepted"
    Must "T-64" "contract" "accepting by hand"
    Must "T-65" "contract" "what a backend cannot do, it says"
    Must "T-66" "contract" "a backend is the runtime whose name it has"; "`tests/runtime.rs` of each backend"
    Must "T-67" "contract" "a running server moves to another backend"
    Must "T-68" "contract" "another application in a running server; a request is one application's"
    Must "T-69" "contract" "a replaced application finishes, stops and is dropped"
    Must "T-6A" "contract" "an application on trial gets its share, and is promoted or withdrawn"
};

/// What five earlier servers could do, whose users are to miss nothing: Raku's HTTP::Server::Async (A0), Ring
/// (A1), Nim's asynchttpserver (A2), PAGI (A3), manakai's Web::Transport (A4).
pub const ACCEPTANCE: &[Requirement] = requirements! {
    Must "A0-1" "list 0" "a foreign server on the trait alone, of which about 100 lines are the trait"; "`examples/minimal-backend`, whose tests play what it can do"
    Must "A0-2" "list 0" "middleware before the content, handler after it"
    Must "A0-3" "list 0" "three handlers, the second stops"
    Must "A0-4" "list 0" "a pending decision does not delay another connection"
    Must "A0-5" "list 0" "`after` sees status, bytes, durations; its panic hurts nobody"
    Must "A0-6" "list 0" "middleware takes the connection, with the unread bytes"
    Must "A0-7" "list 0" "unbuffered pieces arrive at once, buffered ones at the close"
    Must "A0-8" "list 0" "a slow head is served, an idle client closed, a slow handler not cut"
    Must "A0-9" "list 0" "content in eight chunks, a second apart"
    Must "A0-10" "list 0" "two pipelined requests in one segment"
    Must "A0-11" "list 0" "listen returns at once, wait blocks, port 0, address in use"
    Must "A0-12" "list 0" "a 101 from middleware and a protocol of one's own"
    Must "A0-14" "list 0" "the same program under each feature"; "the steps `features` and `one_program` of `.ci/run`"
    Must "A1-1" "list 1" "50 rounds of start and stop on one port"
    Must "A1-2" "list 1" "everything a handler may ask of a request"
    Must "A1-3" "list 1" "content of every kind has the right length"
    Must "A1-4" "list 1" "each element of an iterator arrives before the next is made"
    Must "A1-5" "list 1" "a blocking handler does not delay an async one"
    Must "A1-6" "list 1" "an error before the head is a 500, after it a cut"
    Must "A1-10" "list 1" "Unix socket, deadline hook, limits of the head, idle, Date and Server switches"
    Must "A2-1" "list 2" "hello: status, content, length"
    Must "A2-2" "list 2" "an accept loop of one's own"
    Must "A2-3" "list 2" "out of descriptors: no spin, one line, all served in the end"; "`tests/descriptors.rs` of each backend"
    Must "A2-4" "list 2" "content of the limit passes, one byte more gets 413"
    Must "A2-5" "list 2" "answering does not close; 1.0 closes unless asked"
    Must "A2-6" "list 2" "any method, chunks with any of them, POST without a length"
    Must "A2-7" "list 2" "100 when a handler reads, 417 for other expectations"
    Must "A2-8" "list 2" "reuse-port, IPv6, the real port, the end of accepting"
    Must "A2-9" "list 2" "limits of lines and fields, an empty line first"
    Must "A2-10" "list 2" "slow clients of every kind"
    Must "A3-2" "list 3" "space before a colon, and folded lines"
    Must "A3-3" "list 3" "exactly one of completed and disconnected, with its reason; marks with callbacks"
    Must "A3-4" "list 3" "sending to a client that left is quiet; a broken field is loud"
    Must "A3-6" "list 3" "part of a file, beyond its end"
    Must "A3-11" "list 3" "over the cap: 503 with Retry-After, then served again"
    Must "A4-1" "list 4" "a stream that somebody else accepted, and `completed`"
    Must "A4-2" "list 4" "close after the current answer"
    Must "A4-3" "list 4" "an error hook that takes its time"
    Must "A4-4" "list 4" "the limit of content: declared, counted, none"
    Must "A4-5" "list 4" "shared state, ids that begin with their parent's"
    Must "A4-6" "list 4" "Server: off, on; no addresses on Unix sockets"
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::{CONTRACT, all, find};
    use crate::cases;

    #[test]
    fn ids_are_unique() {
        let ids: BTreeSet<_> = all().map(|requirement| requirement.id).collect();
        assert_eq!(ids.len(), all().count());
    }

    #[test]
    fn every_case_names_requirements_that_exist() {
        for case in cases::all() {
            assert!(!case.requirements.is_empty(), "{}", case.name);
            for id in case.requirements {
                assert!(find(id).is_some(), "{} names {id}", case.name);
            }
        }
    }

    /// Whatever is asked is held by a case, or it says what else holds it; never both, and never nothing.
    #[test]
    fn every_requirement_is_held() {
        let named: BTreeSet<_> = cases::all().flat_map(|case| case.requirements).collect();
        for requirement in all() {
            let by_a_case = named.contains(&requirement.id);
            assert!(
                by_a_case != requirement.elsewhere.is_some(),
                "{} is held by a case: {by_a_case}, and elsewhere: {:?}",
                requirement.id,
                requirement.elsewhere
            );
        }
    }

    /// Of the list of the RFCs up to R-110 nothing is left out, and each is held by a case.
    #[test]
    fn list_of_the_rfcs_is_complete() {
        let parts = [
            1..=20,
            30..=47,
            50..=57,
            60..=77,
            80..=83,
            90..=99,
            110..=110,
        ];
        for number in parts.into_iter().flatten() {
            let id = format!("R-{number:03}");
            let requirement = find(&id);
            assert!(requirement.is_some(), "{id} is missing");
            assert!(
                requirement.is_some_and(|requirement| requirement.elsewhere.is_none()),
                "{id} has no case"
            );
        }
    }

    /// What is held elsewhere names a file that is there, or a step of the script of this repository.
    #[test]
    fn elsewhere_is_somewhere() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for requirement in all() {
            let Some(elsewhere) = requirement.elsewhere else {
                continue;
            };
            let place = elsewhere.split('`').nth(1).unwrap_or_default();
            let there = if elsewhere.contains("of each backend") {
                let backends = ["backend-tokio", "backend-smol", "backend-asyncstd"];
                backends
                    .iter()
                    .all(|backend| root.join(backend).join(place).exists())
            } else if elsewhere.contains("`.ci/run`") {
                let script = fs::read_to_string(root.join(".ci/run")).unwrap_or_default();
                script.contains(&format!("step_{place}()"))
            } else {
                root.join(place).exists()
            };
            assert!(there, "{}: {elsewhere}", requirement.id);
        }
    }

    #[test]
    fn there_are_enough_cases_and_each_has_a_name_of_its_own() {
        let names: BTreeSet<_> = cases::all().map(|case| case.name).collect();
        assert!(names.len() >= 150, "there are {}", names.len());
        assert_eq!(names.len(), cases::all().count());
    }

    #[test]
    fn clauses_are_those_of_the_contract() {
        let contract = include_str!("../../http-server-trait/src/contract.rs");
        let there: Vec<_> = contract
            .lines()
            .filter_map(|line| line.strip_prefix("//! | T-")?.split_once(' '))
            .map(|(number, _)| format!("T-{number}"))
            .collect();
        let here: Vec<_> = CONTRACT.iter().map(|clause| clause.id).collect();
        assert_eq!(here, there);
    }
}
