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

/// On a free port, for one host alone if it has a name.
fn serve(content: Content, host: Option<&'static str>) -> (ServerHandle, SocketAddr) {
    let mut server = Server::new();
    let answer = move |mut request: Request| async move {
        if host.is_some() && request.host() != host {
            return Ok(None);
        }
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
    for content in [Content::SentBack, Content::Streamed] {
        let (handle, address) = serve(content, None);
        for judged in play(&asking(Echo::At(ECHO.into())), address) {
            assert!(matches!(judged.judgement, Judgement::Holds), "{judged:#?}");
        }
        end(&handle);
    }
}

/// The same for a server that answers for one host alone, but for cases that can name none.
#[test]
fn our_own_server_holds_every_case_for_a_host_of_its_own() {
    const HOST: &str = "a.longer.name.example";
    let (handle, address) = serve(Content::SentBack, Some(HOST));
    let mut asking = asking(Echo::At(ECHO.into()));
    asking.host = Some(HOST.into());
    let judged = play(&asking, address);
    end(&handle);
    for judged in &judged {
        let fine = match &judged.judgement {
            Judgement::Holds => true,
            Judgement::NotApplicable(why) => why.contains("names no host"),
            _ => false,
        };
        assert!(fine, "{judged:#?}");
    }
    holding(&judged, 90);
}

/// So many in a hundred hold.
fn holding(judged: &[Judged], percent: usize) {
    let holds = |judged: &&Judged| matches!(judged.judgement, Judgement::Holds);
    let holding = judged.iter().filter(holds).count();
    assert!(
        holding * 100 > judged.len() * percent,
        "{holding} of {}",
        judged.len()
    );
}

/// Without an echo most cases apply all the same, and nothing is found.
#[test]
fn without_an_echo_nothing_is_found() {
    let (handle, address) = serve(Content::Ignored, None);
    let judged = play(&asking(Echo::Nowhere), address);
    end(&handle);
    for judged in &judged {
        let fine = matches!(
            judged.judgement,
            Judgement::Holds | Judgement::NotApplicable(_)
        );
        assert!(fine, "{judged:#?}");
    }
    holding(&judged, 80);
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
