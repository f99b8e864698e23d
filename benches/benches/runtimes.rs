//! The group `runtimes`: one application on every runtime over loopback, each beside a floor.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts in a bench are far below 2^52"
)]

use std::cell::OnceCell;
use std::io;
use std::time::Duration;

use bayonet_benches::rounds::{Effort, Measured, measure};
use bayonet_benches::servers::ALL;
use bayonet_benches::work::Work;
use bayonet_benches::{child, cores, is_trial, report, table};
use criterion::{Criterion, PlottingBackend, SamplingMode, Throughput};

/// Measures a kind of work, if any of its servers is asked for, and shows Criterion what was measured.
///
/// Criterion measures one thing after the other. Here all servers take turns, so the rounds are measured
/// first and then handed over, each as a sample: what Criterion says of warming up and collecting is not
/// what happens, what it says of the samples is.
fn runtimes(criterion: &mut Criterion, work: &Work, effort: Effort) -> Option<Vec<Measured>> {
    let measured = OnceCell::new();
    let mut group = criterion.benchmark_group(format!("runtimes/{}", work.name));
    group.throughput(Throughput::Elements(1));
    group.sampling_mode(SamplingMode::Flat);
    for (at, server) in ALL.iter().enumerate() {
        let mut sample = 0;
        group.bench_function(server.name(), |bencher| {
            let all: &Vec<Measured> = measured.get_or_init(|| {
                measure(work, ALL, effort).unwrap_or_else(|error| panic!("{error}"))
            });
            let slices = &all[at].slices;
            let time = slices[sample % slices.len()].time();
            sample += 1;
            bencher.iter_custom(|times| Duration::from_secs_f64(time * times as f64));
        });
    }
    group.finish();
    measured.into_inner()
}

fn main() -> io::Result<()> {
    if child::serve_if_asked()? {
        return Ok(());
    }
    let effort = if is_trial() {
        Effort::TRY
    } else {
        Effort::MEASURE
    };
    let mut criterion = Criterion::default()
        .sample_size(Effort::MEASURE.rounds)
        // Of ten samples there is no more to be had by the default's hundred thousand.
        .nresamples(10_000)
        .plotting_backend(PlottingBackend::Plotters)
        // There is nothing to warm up, and no time to be filled.
        .warm_up_time(Duration::from_nanos(1))
        .measurement_time(Duration::from_millis(1))
        .configure_from_args();
    let mut all = Vec::new();
    for work in Work::all() {
        if let Some(measured) = runtimes(&mut criterion, &work, effort) {
            all.push((work, measured));
        }
    }
    if !all.is_empty() && !is_trial() {
        println!("\n{}", table::runtimes(&all, effort, cores::count()));
        let sections: Vec<_> = all
            .iter()
            .map(|(work, measured)| report::of_work(work, measured))
            .collect();
        let conditions = report::conditions(effort, cores::count());
        let page = report::write("runtimes", &conditions, &sections)?;
        println!("plots: {}", page.display());
    }
    criterion.final_summary();
    Ok(())
}
