//! A site: routes, and the way of a request to one of them.

use http_server_trait::http::header::ALLOW;
use http_server_trait::http::{Method, StatusCode};
use http_server_trait::{
    App, BodyPlan, Chain, Flow, Handler, Head, IntoHandler, Next, Request, Response, around,
};

use crate::pattern::{Params, Pattern};

/// Routes. A request that fits none of them is passed on to whatever is mounted after the site.
#[derive(Debug, Default)]
pub struct Site {
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    method: Method,
    pattern: Pattern,
    /// A chain of one: the name of any handler, whatever its type.
    handler: Chain,
}

impl Site {
    /// No routes yet.
    pub fn new() -> Self {
        Site::default()
    }

    /// Answers this method at this pattern, where `:name` stands for one piece of the path. Of several routes
    /// that fit, the first is taken.
    pub fn at<M>(
        &mut self,
        method: Method,
        pattern: &'static str,
        handler: impl IntoHandler<M>,
    ) -> &mut Self {
        self.routes.push(Route {
            method,
            pattern: Pattern::new(pattern),
            handler: Chain::new().then(handler),
        });
        self
    }

    /// Answers GET, and HEAD with it.
    pub fn get<M>(&mut self, pattern: &'static str, handler: impl IntoHandler<M>) -> &mut Self {
        self.at(Method::GET, pattern, handler)
    }

    /// Answers POST.
    pub fn post<M>(&mut self, pattern: &'static str, handler: impl IntoHandler<M>) -> &mut Self {
        self.at(Method::POST, pattern, handler)
    }

    /// Answers DELETE.
    pub fn delete<M>(&mut self, pattern: &'static str, handler: impl IntoHandler<M>) -> &mut Self {
        self.at(Method::DELETE, pattern, handler)
    }

    /// Makes this site the handler of an application, and of every server that has it.
    pub fn mount(self, app: &mut App) {
        app.handler(around(self, |request: Request, next: Next| async move {
            let flow = next.run(request).await;
            flow.map_reply(|answer| answer.with_field("x-framework", "tiny"))
        }));
    }

    /// The route of a request, with what its pattern has found.
    fn route(&self, head: &Head) -> Option<(&Route, Params)> {
        let mut fitting = self.fitting(head);
        fitting.find(|(route, _)| route.serves(head.method()))
    }

    fn fitting(&self, head: &Head) -> impl Iterator<Item = (&Route, Params)> {
        let path = head.path();
        self.routes
            .iter()
            .filter_map(move |route| Some((route, route.pattern.find(path)?)))
    }

    /// What may be done at a path where something else was asked. (RFC 9110, 15.5.6)
    fn allowed(&self, head: &Head) -> Option<String> {
        let mut methods: Vec<&str> = Vec::new();
        for (route, _) in self.fitting(head) {
            let head = (route.method == Method::GET).then_some("HEAD");
            for method in std::iter::once(route.method.as_str()).chain(head) {
                if !methods.contains(&method) {
                    methods.push(method);
                }
            }
        }
        (!methods.is_empty()).then(|| methods.join(", "))
    }
}

impl Route {
    /// HEAD is GET without the content, and leaving that out is the server's. (RFC 9110, 9.3.2)
    fn serves(&self, method: &Method) -> bool {
        self.method == *method || (self.method == Method::GET && *method == Method::HEAD)
    }
}

impl Handler for Site {
    async fn handle(&self, mut request: Request) -> Flow<Request> {
        if let Some((route, params)) = self.route(&request) {
            request.extensions_mut().insert(params);
            return route.handler.handle(request).await;
        }
        match self.allowed(&request) {
            None => Flow::Continue(request),
            Some(allowed) => {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                Flow::Reply(Response::new(status).with_field(ALLOW, allowed))
            }
        }
    }

    /// As the route wants it. Where there is no route nothing is waited for.
    fn body_plan(&self, head: &Head) -> BodyPlan {
        match self.route(head) {
            Some((route, _)) => route.handler.body_plan(head),
            None => BodyPlan::Stream,
        }
    }
}
