//! A tiny web framework: routes with parameters, and what is allowed where.
//!
//! It depends on `http-server-trait` alone. It sees requests and answers, and never a server: an application
//! mounts it on whichever backend it likes, and its tests need none.
//!
//! ```
//! use http_server_trait::{App, Request};
//! use tiny_framework::{Site, param};
//!
//! let mut site = Site::new();
//! site.get("/hello/:name", |request: Request| async move {
//!     format!("hello, {}\n", param(&request, "name").unwrap_or_default())
//! });
//!
//! let mut app = App::new();
//! site.mount(&mut app);
//! ```

mod pattern;
mod site;

pub use pattern::{Params, param};
pub use site::Site;
