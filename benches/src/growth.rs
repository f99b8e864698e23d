//! What grows, and by which steps: the cost of a request beside the work that is in it.

use crate::work::Work;

/// Something that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grows {
    /// The connections that there are.
    Connections,
    /// The fields of a request.
    Fields,
    /// The bytes of an answer.
    Download,
    /// The bytes of a request.
    Upload,
}

impl Grows {
    /// All of them, in the order of the report.
    pub const ALL: [Grows; 4] = [
        Grows::Connections,
        Grows::Fields,
        Grows::Download,
        Grows::Upload,
    ];

    /// Its name: the last part of `growth/fields`.
    pub fn name(self) -> &'static str {
        match self {
            Grows::Connections => "connections",
            Grows::Fields => "fields",
            Grows::Download => "download",
            Grows::Upload => "upload",
        }
    }

    /// What it is, for the report.
    pub fn about(self) -> &'static str {
        match self {
            Grows::Connections => "GET, 13 bytes back, on so many connections",
            Grows::Fields => "GET with so many fields, 64 connections",
            Grows::Download => "GET, so many bytes back, 2 connections",
            Grows::Upload => "POST of so many bytes, collected, 2 connections",
        }
    }

    /// How large it gets.
    pub fn sizes(self) -> &'static [usize] {
        match self {
            Grows::Connections => &[1, 4, 16, 64, 256, 1024, 4096, 10_000],
            Grows::Fields => &[1, 2, 5, 10, 20, 50, 100],
            Grows::Download | Grows::Upload => &[
                1,
                10,
                100,
                1_000,
                10_000,
                100_000,
                1_000_000,
                10_000_000,
                100_000_000,
            ],
        }
    }

    /// The work of this size.
    pub fn work(self, size: usize) -> Work {
        match self {
            Grows::Connections => Work::on_connections(size),
            Grows::Fields => Work::with_fields(size),
            Grows::Download => Work::downloading(size),
            Grows::Upload => Work::uploading(size),
        }
    }

    /// The step of this name.
    pub(crate) fn step(name: &str) -> Option<Work> {
        let (grows, size) = name.rsplit_once('-')?;
        let grows = Grows::ALL.into_iter().find(|all| all.name() == grows)?;
        Some(grows.work(size.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::Grows;
    use crate::work::Work;

    #[test]
    fn every_step_has_a_name_that_finds_it() {
        for grows in Grows::ALL {
            for size in grows.sizes() {
                // What is larger takes long where nothing is optimised.
                if *size > 1_000_000 {
                    continue;
                }
                let work = grows.work(*size);
                let found = Work::named(&work.name).unwrap();
                assert_eq!(found.name, work.name);
                assert_eq!(found.request(), work.request());
                assert!(found.content() == work.content());
            }
        }
        assert!(Work::named("fields-x").is_none());
        assert!(Work::named("trees-7").is_none());
    }
}
