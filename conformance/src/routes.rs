//! The two routes of cases that are about the wire alone.

use http_server_trait::{App, Request, Response};

/// `/ok` answers 200 with `ok`, whatever the method. `/echo` sends the content back, with its type. Anything
/// else is a 404.
pub fn install(app: &mut App) {
    app.handler(|mut request: Request| async move {
        Ok::<_, http_server_trait::BodyError>(match request.path() {
            "/ok" => Some(Response::text("ok")),
            "/echo" => {
                let content = request.bytes().await?;
                let mut response =
                    Response::new(http_server_trait::http::StatusCode::OK).with_body(content);
                if let Some(kind) = request.headers().get("content-type") {
                    response = response.with_field("content-type", kind.clone());
                }
                Some(response)
            }
            _ => None,
        })
    });
}
