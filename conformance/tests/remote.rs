//! A server of our own, asked as if it were somebody else's.

use std::net::SocketAddr;
use std::time::Duration;

use backend_tokio::Server;
use http_server_conformance::cases;
use http_server_conformance::remote::{self, Asking, Echo, Judged, Judgement, Remote};
use http_server_trait::http::StatusCode;
use http_server_trait::{
    Address, Body, BodyError, Drain, HttpServer, Request, Response, ServerHandle, block_on,
    streamed,
};

/// Where the two routes are, if not where cases have them. Their lengths differ, and one has the other in it.
const OK: &str = "/a/path/with/ok/in/it";
const ECHO: &str = "/e";
const CONTENT: &str = "not what cases have";

/// What is done with content.
#[derive(Clone, Copy)]
enum Content {
    /// It is sent back when all of it is there.
    SentBack,
    /// It is sent back as it comes.
    Streamed,
    /// There is no route for it.
    Ignored,
}

fn serve(content: Content) -> (ServerHandle, SocketAddr) {
    let mut server = Server::new();
    let answer = move |mut request: Request| async move {
        Ok::<_, BodyError>(match (request.path(), content) {
            (OK, _) => Some(Response::text(CONTENT)),
            (ECHO, Content::SentBack) => Some(sent(request.bytes().await?)),
            (ECHO, Content::Streamed) => Some(sent(request.take_body())),
            _ => None,
        })
    };
    match content {
        Content::Streamed => server.handler(streamed(answer)),
        Content::SentBack | Content::Ignored => server.handler(answer),
    };
    // Refusals are what is wanted here.
    server.app_mut().on_error(|_| async {});
    let handle = block_on(server.listen("127.0.0.1:0")).expect("there is a free port");
    let address = handle.addresses()[0].tcp().expect("it is one of TCP");
    (handle, address)
}

fn sent(content: impl Into<Body>) -> Response {
    Response::new(StatusCode::OK).with_body(content.into())
}

fn asking(echo: Echo) -> Asking {
    let mut asking = Asking::default();
    asking.ok = OK.into();
    asking.echo = echo;
    asking
}

fn play(asking: &Asking, address: SocketAddr) -> Vec<Judged> {
    let server = Remote::reach(&[Address::Tcp(address)], asking).expect("it answers");
    let cases: Vec<_> = remote::cases().collect();
    let judged = server.play_all(&cases, 8, |_| {});
    assert_eq!(judged.len(), cases.len());
    judged
}

fn end(handle: &ServerHandle) {
    handle.shutdown(Drain::within(Duration::from_secs(5)));
    block_on(handle.clone());
}

/// Every case holds: so paths and hosts are put in wherever they have to be, and nowhere else.
#[test]
fn our_own_server_holds_every_case_at_paths_of_its_own() {
    for (content, host) in [
        (Content::SentBack, None),
        (Content::SentBack, Some("a.longer.name.example")),
        (Content::Streamed, None),
    ] {
        let (handle, address) = serve(content);
        let mut asking = asking(Echo::At(ECHO.to_owned()));
        asking.host = host.map(str::to_owned);
        for judged in play(&asking, address) {
            let name = judged.case.name;
            assert!(
                matches!(judged.judgement, Judgement::Holds),
                "{name}: {:#?}",
                judged.judgement
            );
        }
        end(&handle);
    }
}

/// Without an echo most cases apply all the same, and nothing is found.
#[test]
fn without_an_echo_nothing_is_found() {
    let (handle, address) = serve(Content::Ignored);
    let judged = play(&asking(Echo::Nowhere), address);
    end(&handle);
    let mut holding = 0;
    for judged in &judged {
        match &judged.judgement {
            Judgement::Holds => holding += 1,
            Judgement::NotApplicable(_) => {}
            other => panic!("{}: {other:#?}", judged.case.name),
        }
    }
    assert!(
        holding * 10 > judged.len() * 8,
        "{holding} of {}",
        judged.len()
    );
}

/// A case asks for no more than the hardest of what it cites, and cites something.
#[test]
fn every_case_has_its_clause() {
    for case in remote::cases() {
        let hardest = remote::clauses(case).map(|clause| clause.level).min();
        assert!(
            hardest.is_some_and(|level| level <= case.level),
            "{}",
            case.name
        );
    }
}

/// What is left out is left out for a reason, and is not much of what is about the wire.
#[test]
fn what_does_not_apply_says_why() {
    let (mut asked, mut left_out) = (0, 0);
    for case in cases::all() {
        match remote::why_not(case) {
            None => asked += 1,
            Some(why) => {
                assert!(why.starts_with("it "), "{why}");
                left_out += 1;
            }
        }
    }
    assert_eq!(asked, remote::cases().count());
    assert!(
        asked > 90 && left_out > 0,
        "{asked} of {}",
        asked + left_out
    );
}
