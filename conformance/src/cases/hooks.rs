//! Hooks: their order, their decisions, their timing.

use std::sync::Arc;

use http_server_trait::{App, Completed, Flow, Head, Request};

use crate::case::cases;
use crate::stage::Stage;
use crate::want_eq;

fn noting(app: &mut App, stage: &Stage) {
    let noted = stage.clone();
    app.middleware(move |head: Head| {
        noted.note("middleware");
        async { head }
    });
    let noted = stage.clone();
    app.handler(move |mut request: Request| {
        let noted = noted.clone();
        async move {
            let content = request.bytes().await;
            noted.note("handler");
            content.map(|content| format!("{} bytes", content.len()))
        }
    });
    let noted = stage.clone();
    app.after(move |done: Arc<Completed>| {
        noted.note(format!("after {}", done.outcome));
        async {}
    });
}

fn three_handlers(app: &mut App, stage: &Stage) {
    for name in ["one", "two", "three"] {
        let noted = stage.clone();
        app.handler(move |request: Request| {
            noted.note(name);
            async move {
                if name == "two" {
                    None
                } else {
                    Some(Flow::Continue(request))
                }
            }
        });
    }
    let noted = stage.clone();
    app.after(move |_: Arc<Completed>| {
        noted.note("after");
        async {}
    });
}

cases! {
    /// Middleware runs when the head is there and no content is; the handler when all of it is.
    must middleware_runs_before_the_content_and_handler_after_it ["T-15", "T-20", "A0-2"] app noting |play| {
        let mut client = play.connect()?;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")?;
        play.wait_for("middleware")?;
        want_eq!(play.stage().count("handler"), 0);
        client.send("hello")?.answer()?.status(200)?.content("5 bytes")?;
        play.wait_for("after sent")?;
        play.noted(&["middleware", "handler", "after sent"])
    }
    /// The first handler that does not go on ends the chain; `after` is called once all the same.
    must handlers_run_in_order_until_one_stops ["T-03", "T-10", "T-28", "A0-3"] app three_handlers |play| {
        play.connect()?.get("/")?.answer()?.status(404)?;
        play.wait_for("after")?;
        play.noted(&["one", "two", "after"])
    }
}
