//! The application: what it keeps, and its routes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bayonet::http::StatusCode;
use bayonet::http::header::LOCATION;
use bayonet::{App, BoxError, Request, Response};
use tiny_framework::{Site, param};

/// More notes than this are not kept.
const MOST: usize = 100;
/// Longer ones are refused with 413.
const LONGEST: u64 = 4096;

/// All notes.
#[derive(Default)]
struct Notes(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    notes: BTreeMap<u64, String>,
    last: u64,
}

impl Notes {
    fn of(request: &Request) -> Result<MutexGuard<'_, Kept>, BoxError> {
        let notes = request
            .state::<Notes>()
            .ok_or("the notes are not installed")?;
        Ok(notes.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Installs the notes in an application, whatever serves it.
pub(crate) fn install(app: &mut App) {
    let mut site = Site::new();
    site.get("/", about)
        .get("/notes", list)
        .post("/notes", add)
        .get("/notes/:id", read)
        .delete("/notes/:id", remove);
    app.config_mut().body = Some(LONGEST);
    app.state(Notes::default());
    site.mount(app);
}

async fn about(request: Request) -> String {
    format!("notes, served by {}\n", request.conn().backend())
}

async fn list(request: Request) -> Result<String, BoxError> {
    let kept = Notes::of(&request)?;
    let lines = kept.notes.iter().map(|(id, note)| format!("{id} {note}\n"));
    Ok(lines.collect::<Vec<_>>().concat())
}

async fn add(mut request: Request) -> Result<Response, BoxError> {
    let Ok(note) = String::from_utf8(request.bytes().await?.into()) else {
        return Ok(Response::text("a note is text\n").with_status(StatusCode::BAD_REQUEST));
    };
    let mut kept = Notes::of(&request)?;
    if kept.notes.len() >= MOST {
        return Ok(Response::new(StatusCode::INSUFFICIENT_STORAGE));
    }
    kept.last += 1;
    let id = kept.last;
    kept.notes.insert(id, note);
    Ok(Response::new(StatusCode::CREATED).with_field(LOCATION, format!("/notes/{id}")))
}

async fn read(request: Request) -> Result<Option<String>, BoxError> {
    let kept = Notes::of(&request)?;
    Ok(id(&request).and_then(|id| kept.notes.get(&id).cloned()))
}

async fn remove(request: Request) -> Result<Option<()>, BoxError> {
    let mut kept = Notes::of(&request)?;
    Ok(id(&request).and_then(|id| kept.notes.remove(&id)).map(drop))
}

fn id(request: &Request) -> Option<u64> {
    param(request, "id")?.parse().ok()
}
