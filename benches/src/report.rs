//! What a person looks at: one page for each group, with its plots beside it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::chart::{Bar, Line, bars, escaped, lines};
use crate::growth::Grows;
use crate::rounds::{Effort, Measured, noise};
use crate::servers::{Runtime, Server};
use crate::work::Work;

/// A part of a page.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its name, which its plots are called after.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// What is to be said of it.
    pub notes: Vec<String>,
    /// Its plots.
    pub plots: Vec<String>,
}

/// Writes a page and its plots into the build directory, and says where the page is.
///
/// # Errors
/// If it cannot be written.
pub fn write(group: &str, conditions: &str, sections: &[Section]) -> io::Result<PathBuf> {
    let directory = directory()?;
    fs::create_dir_all(&directory)?;
    for section in sections {
        for (at, plot) in section.plots.iter().enumerate() {
            let name = format!("{group}-{}-{}.svg", section.name, at + 1);
            fs::write(directory.join(name), plot)?;
        }
    }
    let path = directory.join(format!("{group}.html"));
    fs::write(&path, page(group, conditions, sections))?;
    Ok(path)
}

/// `target/bayonet-benches`, wherever `target` is: this program is in `target/PROFILE/deps`.
fn directory() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).unwrap_or(Path::new("."));
    Ok(target.join("bayonet-benches"))
}

fn page(group: &str, conditions: &str, sections: &[Section]) -> String {
    let mut page = format!(
        "<!doctype html><meta charset='utf-8'><title>{group}</title><style>\
         body{{font:15px/1.45 system-ui,sans-serif;max-width:1180px;margin:2em auto;padding:0 1em;color:#222}}\
         h2{{margin:1.6em 0 .2em}}p{{margin:.3em 0}}.plots{{display:flex;flex-wrap:wrap;gap:8px}}</style>\
         <h1>{group}</h1><p>{}</p>\n",
        escaped(conditions)
    );
    for section in sections {
        let (name, about) = (escaped(&section.name), escaped(&section.about));
        page.push_str(&format!("<h2>{name}</h2><p>{about}</p>\n"));
        for note in &section.notes {
            page.push_str(&format!("<p>{}</p>\n", escaped(note)));
        }
        page.push_str(&format!(
            "<div class='plots'>{}</div>\n",
            section.plots.concat()
        ));
    }
    page
}

/// How it was measured.
pub fn conditions(effort: Effort, cores: usize) -> String {
    format!(
        "Medians of {} rounds of {} ms; the servers take turns. One worker each, on {cores} {}. \
         The dark line in a bar is where half of the rounds lie. tokio-again is tokio a second time: what the two \
         differ by is noise.",
        effort.rounds,
        effort.slice.as_millis(),
        if cores == 1 { "core" } else { "cores" },
    )
}

/// What was measured of one kind of work.
pub fn of_work(work: &Work, measured: &[Measured]) -> Section {
    let plot = |title, of: fn(&Measured) -> f64, range: fn(&Measured) -> (f64, f64), unit: f64| {
        let all = measured.iter().map(|one| Bar {
            name: one.server.name().into(),
            value: of(one) * unit,
            range: (range(one).0 * unit, range(one).1 * unit),
            colour: colour(one.server),
        });
        bars(title, &all.collect::<Vec<_>>())
    };
    Section {
        name: work.name.to_string(),
        about: work.about.to_string(),
        notes: noise(measured).map(said).into_iter().collect(),
        plots: vec![
            plot(
                "processor time of the server, µs for each request: less is better",
                Measured::processor,
                Measured::processor_range,
                1e6,
            ),
            plot(
                "requests in a second: more is better",
                Measured::rate,
                Measured::rate_range,
                1.0,
            ),
        ],
    }
}

fn said(noise: f64) -> String {
    format!(
        "Noise: the same server twice differs by {:.1} %.",
        noise * 100.0
    )
}

/// What was measured of something that grows: sizes, each with its servers.
pub fn of_growth(grows: Grows, steps: &[(usize, Vec<Measured>)]) -> Section {
    let is_content = matches!(grows, Grows::Download | Grows::Upload);
    let line = |server: Server, per_unit: bool| Line {
        name: server.name().into(),
        points: steps
            .iter()
            .filter_map(|(size, all)| {
                let one = all.iter().find(|one| one.server == server)?;
                let unit = if per_unit { 1e9 / *size as f64 } else { 1e6 };
                Some((*size as f64, one.processor() * unit))
            })
            .collect(),
        colour: colour(server),
        dashed: matches!(server, Server::Again(_)),
    };
    let servers: Vec<_> = steps
        .first()
        .map(|(_, all)| all.iter().map(|one| one.server).collect())
        .unwrap_or_default();
    let all = |per_unit| -> Vec<Line> {
        servers
            .iter()
            .map(|&server| line(server, per_unit))
            .collect()
    };
    let mut plots = vec![lines(
        "processor time of the server, µs for each request",
        grows.name(),
        is_content,
        &all(false),
    )];
    if is_content {
        let title = "the same, ns for each byte";
        plots.push(lines(title, grows.name(), true, &all(true)));
    }
    let noises = steps.iter().filter_map(|(_, all)| noise(all));
    let mut notes: Vec<_> = noises
        .reduce(f64::max)
        .map(|worst| {
            format!(
                "Noise: the same server twice differs by {:.1} % at most.",
                worst * 100.0
            )
        })
        .into_iter()
        .collect();
    notes.extend(jumps(grows, steps));
    Section {
        name: grows.name().into(),
        about: grows.about().into(),
        notes,
        plots,
    }
}

/// By how much more than its work the cost of a request may grow from one step to the next, before that is said.
const JUMP: f64 = 1.15;

/// Where the cost has grown by more than the work: each such step, with the servers that have it.
fn jumps(grows: Grows, steps: &[(usize, Vec<Measured>)]) -> Vec<String> {
    let mut said = Vec::new();
    for pair in steps.windows(2) {
        let [(small, before), (large, after)] = pair else {
            continue;
        };
        // More connections are not more work for a request; more fields and bytes are.
        let more = match grows {
            Grows::Connections => 1.0,
            _ => *large as f64 / *small as f64,
        };
        let pairs = before.iter().zip(after);
        let there: Vec<_> = pairs
            .filter(|(before, _)| !matches!(before.server, Server::Again(_)))
            .filter(|(before, after)| after.processor() / before.processor() > more * JUMP)
            .map(|(before, after)| {
                let (name, was, is) = (before.server.name(), before.processor(), after.processor());
                format!("{name} {:.2} to {:.2} µs", was * 1e6, is * 1e6)
            })
            .collect();
        if !there.is_empty() {
            said.push(format!(
                "Step from {small} to {large}: {}.",
                there.join(", ")
            ));
        }
    }
    said
}

fn colour(server: Server) -> &'static str {
    match server {
        Server::Floor => "#9a9a9a",
        Server::Own(Runtime::Tokio) => "#d1603d",
        Server::Again(Runtime::Tokio) | Server::Current(Runtime::Tokio) => "#e7a58f",
        Server::Own(Runtime::AsyncStd) => "#3b7dd8",
        Server::Again(Runtime::AsyncStd) | Server::Current(Runtime::AsyncStd) => "#9dbfec",
        Server::Own(Runtime::Smol) => "#2f9e6b",
        Server::Again(Runtime::Smol) | Server::Current(Runtime::Smol) => "#95cfb3",
        #[cfg(feature = "peers")]
        Server::Peer(_) => "#8d6bb8",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Section, jumps, of_growth, of_work, page};
    use crate::count::Used;
    use crate::growth::Grows;
    use crate::rounds::{Measured, Slice};
    use crate::servers::{Runtime, Server};
    use crate::work::Work;

    const TOKIO: Server = Server::Own(Runtime::Tokio);

    fn measured(server: Server, micros: u64) -> Measured {
        Measured {
            server,
            slices: vec![Slice {
                requests: 1000,
                took: Duration::from_millis(10),
                used: Used {
                    processor: Duration::from_millis(micros),
                    ..Used::default()
                },
                client: Duration::ZERO,
            }],
        }
    }

    #[test]
    fn a_page_has_every_plot_and_the_noise() {
        let work = Work::named("plaintext").unwrap();
        let again = Server::Again(Runtime::Tokio);
        let section = of_work(&work, &[measured(TOKIO, 100), measured(again, 103)]);
        assert_eq!(section.plots.len(), 2);
        let page = page("runtimes", "here & now", &[section]);
        assert_eq!(page.matches("<svg ").count(), 2);
        assert!(page.contains("here &amp; now") && page.contains("differs by 3.0 %"));
    }

    #[test]
    fn a_step_is_named_where_the_cost_grows_by_more_than_the_work() {
        let steps = |costs: [u64; 3]| {
            let sizes = [10, 20, 40].into_iter();
            let all: Vec<_> = sizes
                .zip(costs.map(|cost| vec![measured(TOKIO, cost)]))
                .collect();
            all
        };
        assert!(jumps(Grows::Fields, &steps([5, 10, 20])).is_empty());
        assert_eq!(
            jumps(Grows::Fields, &steps([5, 10, 30])),
            ["Step from 20 to 40: tokio 10.00 to 30.00 µs."]
        );
        assert_eq!(jumps(Grows::Connections, &steps([5, 5, 6])).len(), 1);
        let Section { plots, notes, .. } = of_growth(Grows::Upload, &steps([5, 10, 30]));
        assert_eq!((plots.len(), notes.len()), (2, 1));
    }
}
