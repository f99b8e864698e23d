//! Cookies as a wrapper: read before the handler, and written into its answer after it.
//!
//! `around` is how an answer can be changed. What the wrapper and the handler share goes through the
//! extensions of the request.
//!
//! ```console
//! $ cargo run -p bayonet-examples --bin 08_cookies
//! $ curl -b jar -c jar http://127.0.0.1:1666/        # again and again
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bayonet::http::header::SET_COOKIE;
use bayonet::{BoxError, Flow, HttpServer, Next, Request, around, block_on};

/// The cookies of a request, and those that its answer is to set.
#[derive(Clone, Default)]
struct Jar(Arc<Mutex<Cookies>>);

#[derive(Default)]
struct Cookies {
    sent: BTreeMap<String, String>,
    set: BTreeMap<&'static str, String>,
}

impl Jar {
    fn of(request: &Request) -> Self {
        let jar = Jar::default();
        let line = request.field_joined("cookie").unwrap_or_default();
        for (name, value) in line.split("; ").filter_map(|pair| pair.split_once('=')) {
            jar.lock().sent.insert(name.into(), value.into());
        }
        jar
    }

    fn get(&self, name: &str) -> Option<String> {
        self.lock().sent.get(name).cloned()
    }

    fn set(&self, name: &'static str, value: String) {
        self.lock().set.insert(name, value);
    }

    fn lock(&self) -> MutexGuard<'_, Cookies> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn cookies(mut request: Request, next: Next) -> Result<Flow<Request>, BoxError> {
    let jar = Jar::of(&request);
    request.extensions_mut().insert(jar.clone());
    let mut flow = next.run(request).await;
    if let Flow::Reply(answer) = &mut flow {
        for (name, value) in &jar.lock().set {
            // A value that no field may have is an error, and the client gets a 500.
            answer.append_field(
                SET_COOKIE,
                format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax"),
            )?;
        }
    }
    Ok(flow)
}

async fn visits(request: Request) -> Option<String> {
    let jar = request.extensions().get::<Jar>()?;
    let visits = jar
        .get("visits")
        .and_then(|count| count.parse().ok())
        .unwrap_or(0_u32);
    jar.set("visits", visits.saturating_add(1).to_string());
    Some(format!("you have been here {visits} times before\n"))
}

fn main() -> Result<(), BoxError> {
    let backend = std::env::var("BACKEND").unwrap_or_else(|_| "tokio".into());
    let place = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:1666".into());

    let mut server = bayonet::server_named(&backend)?;
    let handle = block_on(server.handler(around(visits, cookies)).listen(place))?;
    println!("listening on {}", handle.addresses()[0]);
    handle.wait();
    Ok(())
}
