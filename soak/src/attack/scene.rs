//! What every attack works with: the server, how large it is to be, and what is written down about it.

use std::net::SocketAddr;
use std::time::Duration;

use bayonet::BoxError;

use super::normal::{self, Normal};
use super::victim::{Facts, Victim};
use crate::tally::Tally;

/// The place of one attack.
pub(crate) struct Scene {
    pub(crate) victim: Victim,
    pub(crate) small: bool,
    pub(crate) notes: Notes,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// In words, for the table.
    pub(crate) came: Vec<String>,
    /// The same with times, which a run for counts leaves out.
    pub(crate) times: Vec<String>,
    /// What should not be so.
    pub(crate) wrong: Vec<String>,
}

/// How long anything that must happen may take, on a busy machine, too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

impl Scene {
    pub(crate) fn address(&self) -> SocketAddr {
        self.victim.address()
    }

    /// The number of the whole attack, or that of the small one.
    pub(crate) fn size<T>(&self, whole: T, small: T) -> T {
        if self.small { small } else { whole }
    }

    pub(crate) fn came(&mut self, what: impl Into<String>) {
        self.notes.came.push(what.into());
    }

    /// Notes what is not as it should be.
    pub(crate) fn want(&mut self, is_so: bool, otherwise: impl FnOnce() -> String) {
        if !is_so {
            self.notes.wrong.push(otherwise());
        }
    }

    /// Both numbers must be the same.
    pub(crate) fn want_eq(&mut self, what: &str, is: u64, should: u64) {
        self.want(is == should, || format!("{what}: {is}, not {should}"));
    }

    /// A new client is answered.
    pub(crate) fn want_health(&mut self, when: &str) {
        let healthy = normal::health(self.address()).is_some();
        self.want(healthy, || format!("no answer {when}"));
    }

    /// The server comes to this.
    pub(crate) fn want_soon(
        &mut self,
        what: &str,
        is_so: impl Fn(&Facts) -> bool,
    ) -> Result<Facts, BoxError> {
        let facts = self.victim.wait_for(PATIENCE, &is_so)?;
        self.want(is_so(&facts), || format!("not {what}: {}", facts.text));
        Ok(facts)
    }

    /// Normal clients were served, and this long it took them.
    pub(crate) fn want_normal(&mut self, when: &str, normal: Normal) -> Result<(), BoxError> {
        let tally: Tally = normal.stop()?;
        self.came(format!(
            "{} normal requests {when}, {} failed",
            tally.sent,
            tally.sent - tally.answered
        ));
        let [half, most, longest] = [500, 990, 1000].map(|quantile| {
            let time = tally.quiet.quantile(quantile);
            time.as_secs_f64() * 1e3
        });
        self.notes.times.push(format!(
            "{when}: half within {half:.1} ms, 99 % within {most:.1} ms, the longest {longest:.0} ms"
        ));
        self.want(tally.is_right() && tally.sent > 0, || {
            format!("normal clients {when}: {:?}", tally.notes)
        });
        Ok(())
    }
}
