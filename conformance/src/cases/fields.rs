//! Fields: RFC 9112, section 5, and RFC 9110, section 5.

use std::sync::Arc;

use http_server_trait::http::{HeaderValue, StatusCode};
use http_server_trait::{App, Failure as Told, Flow, Head, Request, Response};

use super::messages::{each, each_accepted, each_not_taken, each_refused, get_with};
use crate::answer::short;
use crate::case::cases;
use crate::failure::Verdict;
use crate::stage::Stage;
use crate::{Play, want, want_eq};

/// Tells of the field that the path names: whether it is there, its lines, and the same from the map.
fn listing(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        let name = request.path().trim_start_matches('/');
        let lines: Vec<&[u8]> = request.field_lines(name).collect();
        let map: Vec<&[u8]> = request
            .headers()
            .get_all(name)
            .iter()
            .map(HeaderValue::as_bytes)
            .collect();
        let mut told = lines.join(&b"|"[..]);
        if lines != map {
            told.extend_from_slice(b" but in the map ");
            told.extend_from_slice(&map.join(&b"|"[..]));
        }
        if lines.first().copied() != request.field_bytes(name) {
            told.extend_from_slice(b" but the first is another");
        }
        told
    });
}

/// As `listing`, with the lines joined into one.
fn joining(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        let name = request.path().trim_start_matches('/');
        request
            .field_joined(name)
            .unwrap_or_else(|| "nothing".into())
    });
}

/// Asks for a field with these lines in the head: it must be this.
fn field_is(play: &mut Play, name: &str, lines: &[u8], expected: &[u8]) -> Verdict {
    // Also where no other field has white space: one that is read in another way would have all of them read so.
    let messages = ["Host: a", "Host:a"].map(|host| {
        let head = format!("GET /{name} HTTP/1.1\r\n{host}\r\n");
        [head.as_bytes(), lines, b"\r\n\r\n"].concat()
    });
    each(play, &messages, |client| {
        client.answer()?.status(200)?.content(expected)?.ok()
    })
}

/// These field lines in a head, each as the only one and between two good ones.
fn with_lines<L: AsRef<[u8]>>(lines: &[L]) -> Vec<Vec<u8>> {
    let messages = lines.iter().flat_map(|line| {
        let line = line.as_ref();
        let alone = get_with([line, b"\r\n"].concat());
        let between = get_with([b"x-a: b\r\n", line, b"\r\nx-c: d\r\n"].concat());
        [alone, between]
    });
    messages.collect()
}

/// Each of these field lines is refused, by the project's choice with 400.
fn each_line_not_taken<L: AsRef<[u8]>>(play: &mut Play, lines: &[L]) -> Verdict {
    each_not_taken(play, &with_lines(lines), 400)
}

/// Fields that no handler can have sent: the name, and the value.
const NEVER: &[(&str, &str)] = &[
    ("x-never", "a\r\nb: c"),
    ("x-never", "a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
    ("x-never", "a\r\n folded"),
    ("x-never", "a\nb: c"),
    ("x-never", "a\rb"),
    ("x-never", "a\r\n"),
    ("x-never", "\n"),
    ("x-never", "a\0b"),
    ("x-never", "a\u{1b}[2J"),
    ("x-never", "a\u{7f}"),
    ("", "a"),
    ("x never", "a"),
    ("x-never:", "a"),
    ("x-never\r\nx", "a"),
    ("x-never\0", "a"),
    ("x-n\u{e9}ver", "a"),
];

/// Answers with the one of these fields whose number the path is; the error hook notes what it is told.
fn never_sent(app: &mut App, stage: &Stage) {
    app.middleware(|head: Head| async move {
        match head.path() {
            "/middleware" => {
                Flow::Reply(Response::text("content").with_field("x-never", "a\r\nb: c"))
            }
            "/redirect" => Flow::Reply(Response::see_other("/\r\nset-cookie: a=b")),
            _ => Flow::Continue(head),
        }
    });
    app.handler(|request: Request| async move {
        let path = request.path().trim_start_matches('/');
        let number: Option<usize> = path.parse().ok();
        match number.and_then(|number| NEVER.get(number)) {
            Some((name, value)) => Response::text("content")
                .with_field("x-before", "1")
                .with_field(*name, *value)
                .with_field("x-after", "2"),
            None => Response::text("ok"),
        }
    });
    let noted = stage.clone();
    app.on_error(move |failure: Arc<Told>| {
        let path = failure
            .request()
            .map_or("no request", |request| request.path());
        noted.note(format!("{} {path}", failure.hook()));
        noted.note(failure.to_string());
        async {}
    });
}

/// Answers with the value that it was sent, as a field and as content.
fn passing_on(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        let value = request.field_bytes("x-value")?;
        let field = HeaderValue::from_bytes(value).ok()?;
        let text = request.field("x-value").map_or("no text", |_| "text");
        let response = Response::new(StatusCode::OK).with_body(value.to_vec());
        Some(
            response
                .with_field("x-value", field)
                .with_field("x-is", text),
        )
    });
}

/// Sets two cookies, with another field between them.
fn two_cookies(app: &mut App, _: &Stage) {
    app.handler(|_: Request| async {
        let mut response = Response::text("ok");
        response.append_field("set-cookie", "a=1; Expires=Thu, 01 Jan 2032 00:00:00 GMT")?;
        response.append_field("x-between", "1")?;
        response.append_field("x", "")?;
        response.append_field("set-cookie", "b=2")?;
        Ok::<_, http_server_trait::FieldError>(response)
    });
}

/// Bytes that are no part of a token, but for the colon.
fn no_token_bytes() -> impl Iterator<Item = u8> {
    (0..=u8::MAX)
        .filter(|byte| !byte.is_ascii_alphanumeric() && !b"!#$%&'*+-.^_`|~:".contains(byte))
}

/// Control bytes, but for HTAB.
fn controls() -> impl Iterator<Item = u8> {
    (0..0x20).chain([0x7f]).filter(|byte| *byte != b'\t')
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

cases! {
    /// Whatever their case, the fields that the server itself lives by are understood.
    must names_are_read_whatever_their_case ["R-050"] needs [KeepAlive] |play| {
        each_accepted(play, &[
            "GET /ok HTTP/1.1\r\nhost: a\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHOST: a\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: a\r\ncONTENT-lENGTH: 2\r\n\r\nhi",
            "POST /echo HTTP/1.1\r\nHost: a\r\ntransfer-ENCODING: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        ])?;
        each(play, &[get_with("CONNECTION: close\r\n")], |client| {
            client.last(200).map(drop)
        })
    }
    /// A hook finds a field by its name in any case.
    must hooks_find_fields_whatever_their_case ["R-050"] app listing |play| {
        for name in ["x-some-name", "X-Some-Name", "X-SOME-NAME"] {
            field_is(play, name, b"X-sOME-Name: a\r\nx-some-name: b", b"a|b")?;
        }
        field_is(play, "x-some-names", b"X-Some-Name: a", b"")
    }
    /// Gateways that turn `-` into `_` let one stand for the other. To the framing of a message it never does.
    must underscore_is_no_hyphen_to_the_framing ["R-050"] needs [KeepAlive] |play| {
        let lines = ["Content_Length: 5", "Transfer_Encoding: chunked", "Content_Length: 5\r\nTransfer_Encoding: gzip"];
        let message = |line| format!("POST /echo HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n");
        each(play, &lines.map(message), |client| client.understood(200)?.echoes("")?.ok())
    }
    /// Nor does it to a hook: a field that a proxy takes out under one name must not come in under another.
    must underscore_is_no_hyphen_to_a_hook ["R-050"] app listing |play| {
        let lines = b"X_User: mallory\r\nX-User: alice\r\nX_User: eve";
        field_is(play, "x-user", lines, b"alice")?;
        field_is(play, "x_user", lines, b"mallory|eve")
    }
    /// A name may be any token, as odd as it looks.
    must name_may_have_every_byte_of_a_token ["R-050"] app listing |play| {
        let line = b"!#$%&'*+-.^_`|~0aZ: odd\r\nx-plain: plain\r\n0: digit";
        field_is(play, "x-plain", line, b"plain")?;
        field_is(play, "!$&'*+-._~", b"!$&'*+-._~: odd", b"odd")?;
        field_is(play, "0", line, b"digit")
    }
    /// A byte that no name may have: whoever strips or stops at it sees another name.
    should name_with_a_byte_of_no_token_is_refused ["R-050", "R-053"] needs [StrictParsing] |play| {
        let messages = no_token_bytes().map(|byte| get_with([b"x-a", &[byte][..], b"b: c\r\n"].concat()));
        each_not_taken(play, &messages.collect::<Vec<_>>(), 400)?;
        each_line_not_taken(play, &["\0x: y", "x\0: y", "\"x\": y", "(x): y", "x\u{a0}: y", "Content-Length\0: 5"])
    }
    /// A line needs a colon, and something in front of it.
    should line_without_a_name_is_refused ["R-050"] needs [StrictParsing] |play| {
        each_line_not_taken(play, &[":", ": ", ":a", ": a", "::", "x", "x-y", "GET / HTTP/1.1", "Content-Length 5"])
    }
    /// A proxy that takes the space for part of the name passes the field on unread.
    must white_space_before_a_colon_is_refused ["R-017", "A3-2"] needs [StrictParsing] |play| {
        let mut messages = with_lines(&[
            "x : y", "x\t: y", "x  : y", "x \t : y", "x :", "Content-Length : 5", "Content-Length\t:5",
            "Transfer-Encoding : chunked",
        ]);
        messages.push(b"GET /ok HTTP/1.1\r\nHost : a\r\n\r\n".to_vec());
        each_refused(play, &messages, 400)
    }
    /// A folded line is part of the one before it to some, and a field of its own to others.
    house folded_line_is_refused ["R-018", "A3-2"] needs [StrictParsing] |play| {
        let folded = [
            "x: y\r\n z", "x: y\r\n\tz", "x:\r\n y", "x: y\r\n Content-Length: 5", "x: y\r\n ", "x: y\r\n\t",
            "x: y\r\n : z", "Transfer-Encoding:\r\n chunked", "Content-Length: 1\r\n 0",
        ];
        each_line_not_taken(play, &folded)?;
        each_not_taken(play, &["GET /ok HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"], 400)
    }
    /// CR, LF and NUL end a value for some readers and not for others; the other control bytes have no place
    /// in one either.
    house control_byte_in_a_value_is_refused ["R-052", "R-053"] needs [StrictParsing] |play| {
        let lines = controls().flat_map(|byte| {
            let byte = &[byte][..];
            [
                [b"x: a", byte, b"b"].concat(), [b"x: ", byte].concat(), [b"x: a", byte].concat(),
                // Two of them do not cancel each other out.
                [b"x: ", byte, byte].concat(), [b"x: ", byte, b"a\x7f"].concat(),
            ]
        });
        each_line_not_taken(play, &lines.collect::<Vec<_>>())
    }
    /// White space around a value is no part of it; inside it is.
    must white_space_around_a_value_is_no_part_of_it ["R-051"] app listing |play| {
        let cases: &[(&[u8], &[u8])] = &[
            (b"x:y", b"y"), (b"x: y", b"y"), (b"x:   y", b"y"), (b"x:\ty", b"y"), (b"x: y ", b"y"), (b"x: y\t", b"y"),
            (b"x: \t y \t ", b"y"), (b"x:", b""), (b"x: ", b""), (b"x:\t \t", b""), (b"x: a b\tc ", b"a b\tc"),
            (b"x: \"  a \" ", b"\"  a \""), (b"x: a: b", b"a: b"), (b"x::", b":"),
        ];
        for (line, expected) in cases {
            field_is(play, "x", line, expected)?;
        }
        Ok(())
    }
    /// Nor is it part of the values that the server itself lives by.
    must white_space_around_the_servers_own_values_is_no_part_of_them ["R-051"] needs [KeepAlive] |play| {
        let with = |line: &str| format!("POST /echo HTTP/1.1\r\n{line}\r\n\r\nhi");
        let chunks = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\tchunked \t\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
        each_accepted(play, &[
            with("Host:a\r\nContent-Length:2"),
            with("Host:   a  \r\nContent-Length:   2  "),
            with("Host: \ta\t \r\nContent-Length: 2"),
            with("Host: a\r\nContent-Length: \t2"),
            with("Host: a\r\nContent-Length: 2\t "),
            chunks.to_owned(),
        ])
    }
    /// Bytes from 128 on are opaque: no error, no text, and not changed on their way in and out.
    must bytes_beyond_ascii_are_passed_on_as_they_are ["R-053", "R-001"] app passing_on |play| {
        let all: Vec<u8> = (0x80..=0xff).collect();
        let cases: &[(&[u8], &str)] = &[
            (&all, "no text"), (b"caf\xe9", "no text"), (b"\xff", "no text"), (b"\xc3\xa9\xc3", "no text"),
            ("caf\u{e9}".as_bytes(), "text"), (b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ \t 0aZ", "text"),
        ];
        for (value, is) in cases {
            let message = get_with([b"Connection: close\r\nX-Value: ", *value, b"\r\n"].concat());
            each(play, &[message], |client| {
                let all = client.everything()?;
                want!(all.starts_with(b"HTTP/1.1 200 "), "the answer is {}", short(&all));
                let line = [b": ", *value, b"\r\n"].concat();
                want!(holds(&all, &line), "the field is not in {}", short(&all));
                want!(all.ends_with(&[b"\r\n\r\n", *value].concat()), "the content is not in {}", short(&all));
                want!(holds(&all, format!("x-is: {is}\r\n").as_bytes()), "it should be {is}: {}", short(&all));
                Ok(())
            })?;
        }
        Ok(())
    }
    /// Lines of the same name keep their order, wherever they stand; also in the map.
    must lines_of_one_name_keep_their_order ["R-054"] app listing |play| {
        let lines = b"X-Way: c\r\nx-other: 1\r\nx-way: a, b\r\nX-WAY:\r\nx-others: 2\r\nx-way: a\r\nx-way: c";
        field_is(play, "x-way", lines, b"c|a, b||a|c")?;
        field_is(play, "x-other", lines, b"1")?;
        field_is(play, "host", lines, b"a")?;
        field_is(play, "x-none", lines, b"")
    }
    /// A list over several lines is one list, joined in its order.
    must lines_of_a_list_are_joined_by_commas ["R-054"] app joining |play| {
        let lines = b"Accept: a/b;q=0.5\r\nx: y\r\naccept: c/d, e/f\r\nAccept: g/h";
        field_is(play, "accept", lines, b"a/b;q=0.5, c/d, e/f, g/h")?;
        field_is(play, "accept", b"Accept: a/b", b"a/b")?;
        field_is(play, "accept", b"Accepts: a/b", b"nothing")
    }
    /// Cookie lines are joined as cookies are; a comma may be part of one.
    must cookie_lines_are_joined_by_semicolons ["R-054", "A1-2"] app joining |play| {
        let lines = b"Cookie: a=1; b=2\r\nx: y\r\ncOOKIE: c=3,4\r\nCookie: d=5";
        for name in ["cookie", "Cookie", "COOKIE"] {
            field_is(play, name, lines, b"a=1; b=2; c=3,4; d=5")?;
        }
        Ok(())
    }
    /// Two Set-Cookie lines in one would be one broken cookie: a date in them has a comma.
    must set_cookie_lines_are_never_combined ["R-054"] app two_cookies |play| {
        let answer = play.connect()?.get("/")?.answer()?.status(200)?;
        let cookies: Vec<_> = answer.all("set-cookie").collect();
        want_eq!(cookies, ["a=1; Expires=Thu, 01 Jan 2032 00:00:00 GMT", "b=2"]);
        answer.has("x-between", "1")?.has("x", "")?.ok()
    }
    /// A list with empty elements is the list without them. RFC 9110, 5.6.1.2: a recipient must accept a
    /// reasonable number of these, in any field that is a list.
    must empty_elements_of_a_list_of_codings_are_ignored ["R-055"] needs [KeepAlive] |play| {
        let chunks = "2\r\nhi\r\n0\r\n\r\n";
        let codings = [
            ", chunked", "chunked,", ",,chunked,,", " , \t, chunked , ",
            ",\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: ,",
        ];
        let message = |coding| format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n{chunks}");
        each(play, &codings.map(message), |client| client.understood(200)?.echoes("hi")?.ok())
    }
    /// The same for options of the connection.
    must empty_elements_of_a_list_of_options_are_ignored ["R-055", "R-057"] needs [KeepAlive] |play| {
        let with = |options| get_with(format!("Connection: {options}\r\n"));
        let closing = [", close", ",,close,,", " ,\t, close ,"].map(with);
        each(play, &closing, |client| client.last(200).map(drop))?;
        each(play, &[",,,", ""].map(with), |client| {
            client.answered(200)?;
            client.alive()
        })
    }
    /// Connection options count in any case, wherever in the list, on whichever line.
    must connection_options_count_in_any_case_on_any_line ["R-057"] needs [KeepAlive] |play| {
        let closing = [
            "Connection: close", "Connection: CLOSE", "connection: cLoSe", "Connection: x, close",
            "Connection: close, x", "Connection: x,close,y", "Connection: x\r\nConnection: close",
            "Connection: close\r\nx: y\r\nConnection: x", "Connection: keep-alive, close",
            "Connection: keep-alive\r\nConnection: close", "Connection: close\r\nConnection: keep-alive",
        ];
        let messages = closing.map(|line| get_with(format!("{line}\r\n")));
        each(play, &messages, |client| client.last(200)?.content("ok")?.ok())
    }
    /// The same for the option that a client of HTTP/1.0 keeps its connection by.
    house keep_alive_counts_in_any_case_on_any_line ["R-057", "R-090"] needs [KeepAlive] |play| {
        let keeping = [
            "Connection: keep-alive", "Connection: KEEP-ALIVE", "Connection: x,\tKeep-Alive",
            "Connection: x\r\nConnection: keep-alive",
        ];
        let messages = keeping.map(|line| format!("GET /ok HTTP/1.0\r\n{line}\r\n\r\n"));
        each(play, &messages, |client| {
            client.answered(200)?.content("ok")?;
            client.alive()
        })
    }
    /// What only looks like an option is none, nor is an option in another field.
    must what_only_looks_like_a_connection_option_is_none ["R-057"] needs [KeepAlive] |play| {
        let lines = [
            "Connection: closed", "Connection: x-close", "Connection: clos", "Connection: close-x, not-close",
            "X-Connection: close", "Connections: close", "Proxy-Connection: close", "Connection_: close",
            "User-Agent: close", "Keep-Alive: close",
        ];
        let messages: Vec<_> = lines.iter().map(|line| get_with(format!("{line}\r\n"))).collect();
        each(play, &messages, |client| {
            client.answered(200)?;
            client.alive()
        })
    }

    /// Whatever a handler puts into a field, it becomes no other field and no other answer: there is a clean
    /// 500, nothing of the answer is sent, and the error hook is told loudly. The connection is unharmed.
    must field_that_cannot_be_sent_makes_a_clean_500 ["R-019", "T-26", "A3-4"] needs [KeepAlive]
        app never_sent |play| {
        for (number, (name, value)) in NEVER.iter().enumerate() {
            each(play, &[format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n")], |client| {
                let mut answer = client.answered(500)?;
                for field in ["x-before", "x-after", "x-never", "b"] {
                    answer = answer.has_no(field)?;
                }
                want!(!holds(&answer.content, b"content"), "{name:?}: {value:?} was answered with {answer}");
                client.alive()
            })?;
            play.wait_for(&format!("handler /{number}"))?;
        }
        let told = play.stage().notes();
        let values = NEVER.iter().filter(|(name, _)| *name == "x-never").count();
        let named = told.iter().filter(|note| note.contains("the field x-never")).count();
        want!(named == values, "the error hook was not told which field it was: {told:?}");
        want_eq!(told.len(), 2 * NEVER.len());
        Ok(())
    }
    /// The same in an answer of middleware, and where the text of a client so often ends: in a redirect.
    must redirect_cannot_be_split ["R-019", "T-26"] needs [KeepAlive] app never_sent |play| {
        for path in ["/middleware", "/redirect"] {
            each(play, &[format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")], |client| {
                client.answered(500)?.has_no("set-cookie")?.has_no("location")?.has_no("b")?;
                client.alive()
            })?;
            play.wait_for(&format!("middleware {path}"))?;
        }
        Ok(())
    }
}
