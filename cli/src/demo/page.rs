//! The welcome: a page for whoever asks for HTML, a text for everybody else.

use std::net::SocketAddr;

use bayonet::http::HeaderValue;
use bayonet::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, VARY};
use bayonet::{Head, Request, Response};

use super::guard::Guard;
use super::routes::{Methods, ROUTES, SERVED_BY, worker};
use crate::backends;
use crate::control::random;

/// Whole in itself: nothing is loaded from anywhere.
const PAGE: &str = include_str!("page.html");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
    form-action 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
    script-src 'nonce-";

/// Answers `GET /`.
pub(crate) fn welcome(request: &Request, guard: Option<&Guard>) -> Response {
    let answer = if wants_html(request) {
        // Without a nonce the script does not run, and the page is a page all the same.
        let nonce = random().unwrap_or_default();
        let token = guard.and_then(|guard| guard.token_for(request));
        Response::html(html(request, &nonce, token.unwrap_or_default()))
            .with_field(CONTENT_SECURITY_POLICY, format!("{POLICY}{nonce}'"))
    } else {
        Response::text(text(request))
    };
    answer
        // It names the thread of this very request.
        .with_field(CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .with_field(VARY, HeaderValue::from_static("accept"))
}

/// Whether `Accept` names HTML. A client that takes anything is no browser.
fn wants_html(head: &Head) -> bool {
    let accept = head.field_joined("accept").unwrap_or_default();
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let html = parts
            .next()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"));
        html && !parts.any(is_zero)
    })
}

/// Whether a parameter is a weight of nothing, which means "not this". (RFC 9110, 12.4.2)
fn is_zero(parameter: &str) -> bool {
    let weight = parameter
        .strip_prefix("q=")
        .or_else(|| parameter.strip_prefix("Q="));
    weight
        .is_some_and(|weight| weight.starts_with('0') && weight.trim_matches(['0', '.']).is_empty())
}

fn text(request: &Request) -> String {
    let mut text = format!(
        "{SERVED_BY} on {}, worker {}\n\n",
        request.conn().backend(),
        worker()
    );
    for route in &ROUTES {
        text += &format!(
            "{:<4} {:<11} {}\n",
            method(route.methods),
            route.path,
            route.about
        );
    }
    text
}

/// The page. Everything that is put into it is the demo's own text: nothing comes from the client.
fn html(request: &Request, nonce: &str, token: &str) -> String {
    let conn = request.conn();
    let id = request.id();
    PAGE.replace("{nonce}", nonce)
        .replace("{token}", token)
        .replace("{backend}", conn.backend())
        .replace("{lenses}", &lenses(conn.backend()))
        .replace("{worker}", &worker())
        .replace("{connection}", &conn.id().to_string())
        .replace("{request}", &id.number().to_string())
        .replace("{version}", env!("CARGO_PKG_VERSION"))
        .replace("{routes}", &routes())
        .replace("{commands}", &commands(conn.local()))
}

/// The backends: the one that serves, and how to mount another.
fn lenses(serving: &str) -> String {
    let compiled_in = bayonet::backend_names();
    let lens = |name: &str| {
        let (class, note) = if name == serving {
            ("card lens mounted", "serves this page".to_owned())
        } else if compiled_in.contains(&name) {
            ("card lens", format!("<code>--backend {name}</code>"))
        } else {
            ("card lens", format!("<code>--features {name}</code>"))
        };
        format!(
            "  <div class=\"{class}\" data-lens=\"{name}\"><b>{name}</b><span>{note}</span></div>\n"
        )
    };
    backends::ALL.iter().map(|name| lens(name)).collect()
}

fn routes() -> String {
    let row = |route: &super::routes::Route| {
        let method = method(route.methods);
        let class = method.to_ascii_lowercase();
        let path = match route.link {
            Some(link) => format!("<a href=\"{link}\">{}</a>", route.path),
            None => format!("<code>{}</code>", route.path),
        };
        format!(
            "  <li><i class=\"{class}\">{method}</i>{path}<span>{}</span></li>\n",
            route.about
        )
    };
    ROUTES.iter().map(row).collect()
}

fn method(methods: Methods) -> &'static str {
    match methods {
        Methods::Get => "GET",
        Methods::Post => "POST",
    }
}

/// Commands for the address that the client has reached; a Unix socket has none.
fn commands(local: Option<SocketAddr>) -> String {
    let base = local.map_or_else(
        || "http://localhost".to_owned(),
        |local| format!("http://{local}"),
    );
    [
        format!("curl -i {base}/plaintext"),
        format!("curl -d 'one mount' {base}/echo"),
        format!("curl -N {base}/stream"),
        "curl -i -N -H 'Connection: upgrade' -H 'Upgrade: echo' \\".to_owned(),
        format!("     {base}/upgrade"),
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::wants_html;
    use bayonet::{Head, http::Request};

    #[test]
    fn html_is_for_who_names_it() {
        for (accept, html) in [
            ("", false),
            ("*/*", false),
            ("text/*", false),
            ("text/plain", false),
            ("text/html", true),
            ("Text/HTML;level=1", true),
            ("text/html;q=0", false),
            ("text/html; q=0.000", false),
            ("text/html; q=0.1", true),
            ("application/xhtml+xml, text/html;q=0.9, */*;q=0.8", true),
            ("text/htmlx", false),
        ] {
            let head = Request::get("/")
                .header("accept", accept)
                .body(())
                .expect("a request");
            assert_eq!(wants_html(&Head::from(head)), html, "{accept}");
        }
    }
}
