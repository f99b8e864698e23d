//! Plots, as SVG.

use std::fmt::Write;

/// A bar: a median, and between which figures half of the rounds lie.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What it is of.
    pub name: String,
    /// Its length.
    pub value: f64,
    /// The whisker.
    pub range: (f64, f64),
    /// Its colour.
    pub colour: &'static str,
}

/// A line through the points `(x, y)`, none of them zero.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it is of.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
    /// Its colour.
    pub colour: &'static str,
    /// Whether it is only there to compare with.
    pub dashed: bool,
}

const STYLE: &str = "font-family='system-ui,sans-serif' font-size='12' fill='#222'";

fn open(width: f64, height: f64, title: &str) -> String {
    let title = escaped(title);
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{width:.0}' height='{height:.0}' \
         viewBox='0 0 {width:.0} {height:.0}' {STYLE} role='img' aria-label='{title}'>\n\
         <rect width='100%' height='100%' fill='#fff'/>\n\
         <text x='10' y='18' font-size='13' font-weight='600'>{title}</text>\n"
    )
}

/// Bars below each other, the longest as long as the plot is wide.
pub fn bars(title: &str, bars: &[Bar]) -> String {
    const LEFT: f64 = 130.0;
    const WIDE: f64 = 300.0;
    const STEP: f64 = 22.0;
    let high = 30.0 + STEP * bars.len() as f64 + 8.0;
    let mut svg = open(LEFT + WIDE + 80.0, high, title);
    let most = bars.iter().map(|bar| bar.value.max(bar.range.1));
    let scale = WIDE / most.fold(f64::MIN_POSITIVE, f64::max);
    for (at, bar) in bars.iter().enumerate() {
        let top = 30.0 + STEP * at as f64;
        let (end, low, up) = (bar.value * scale, bar.range.0 * scale, bar.range.1 * scale);
        let (name, colour, value) = (escaped(&bar.name), bar.colour, number(bar.value));
        let (text, middle) = (top + 13.0, top + 9.0);
        // Writing into a string cannot fail.
        let _ = writeln!(
            svg,
            "<text x='{:.1}' y='{text:.1}' text-anchor='end'>{name}</text>\
             <rect x='{LEFT}' y='{:.1}' width='{end:.1}' height='16' rx='2' fill='{colour}'/>\
             <path d='M{:.1} {middle:.1}H{:.1}' stroke='#222' stroke-width='1.5' opacity='.6'/>\
             <text x='{:.1}' y='{text:.1}'>{value}</text>",
            LEFT - 6.0,
            top + 1.0,
            LEFT + low,
            LEFT + up,
            LEFT + end.max(up) + 6.0,
        );
    }
    svg + "</svg>\n"
}

/// Lines over a width whose steps are tenfold; if `tenfold`, the height's are, too.
pub fn lines(title: &str, along: &str, tenfold: bool, lines: &[Line]) -> String {
    const LEFT: f64 = 62.0;
    const TOP: f64 = 34.0;
    const WIDE: f64 = 400.0;
    const HIGH: f64 = 230.0;
    let all = || lines.iter().flat_map(|line| &line.points);
    let (from, to) = ends(all().map(|point| point.0));
    let (low, high) = ends(all().map(|point| point.1));
    let (low, high) = if tenfold {
        (
            10_f64.powf(low.log10().floor()),
            10_f64.powf(high.log10().ceil()),
        )
    } else {
        (0.0, high * 1.1)
    };
    let right = |x: f64| LEFT + WIDE * (x / from).log10() / (to / from).log10().max(1e-9);
    let up = |y: f64| {
        let share = if tenfold {
            (y / low).log10() / (high / low).log10().max(1e-9)
        } else {
            (y - low) / (high - low)
        };
        TOP + HIGH * (1.0 - share)
    };
    let mut svg = open(LEFT + WIDE + 130.0, TOP + HIGH + 44.0, title);
    let (bottom, end) = (TOP + HIGH, LEFT + WIDE);
    let heights: Vec<f64> = if tenfold {
        tens(low, high)
    } else {
        let apart = nice(high / 5.0);
        let all = (0..6).map(|at| apart * f64::from(at));
        all.filter(|y| *y <= high).collect()
    };
    for y in heights {
        let (at, label) = (up(y), number(y));
        let _ = writeln!(
            svg,
            "<path d='M{LEFT} {at:.1}H{end}' stroke='#ddd'/>\
             <text x='{:.1}' y='{:.1}' text-anchor='end'>{label}</text>",
            LEFT - 6.0,
            at + 4.0,
        );
    }
    for x in tens(from, to) {
        let (at, label) = (right(x), number(x));
        let _ = writeln!(
            svg,
            "<path d='M{at:.1} {TOP}V{bottom}' stroke='#eee'/>\
             <text x='{at:.1}' y='{:.1}' text-anchor='middle'>{label}</text>",
            bottom + 16.0,
        );
    }
    let _ = writeln!(
        svg,
        "<text x='{:.1}' y='{:.1}' text-anchor='middle'>{}</text>",
        LEFT + WIDE / 2.0,
        bottom + 34.0,
        escaped(along),
    );
    for (place, line) in lines.iter().enumerate() {
        let (colour, mut path) = (line.colour, String::new());
        for (at, (x, y)) in line.points.iter().enumerate() {
            let to = if at == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{to}{:.1} {:.1}", right(*x), up(*y));
            if !line.dashed {
                let _ = write!(
                    svg,
                    "<circle cx='{:.1}' cy='{:.1}' r='2.5' fill='{colour}'/>",
                    right(*x),
                    up(*y),
                );
            }
        }
        let dashes = if line.dashed {
            " stroke-dasharray='5 4'"
        } else {
            ""
        };
        let legend = TOP + 10.0 + 18.0 * place as f64;
        let _ = writeln!(
            svg,
            "<path d='{path}' fill='none' stroke='{colour}' stroke-width='1.8'{dashes}/>\
             <path d='M{:.1} {:.1}h18' stroke='{colour}' stroke-width='2.5'{dashes}/>\
             <text x='{:.1}' y='{legend:.1}'>{}</text>",
            end + 10.0,
            legend - 4.0,
            end + 33.0,
            escaped(&line.name),
        );
    }
    svg + "</svg>\n"
}

/// The smallest and the largest.
fn ends(all: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let low = all.clone().fold(f64::INFINITY, f64::min);
    (low, all.fold(f64::NEG_INFINITY, f64::max))
}

/// The powers of ten from one to the other.
fn tens(from: f64, to: f64) -> Vec<f64> {
    let mut all = Vec::new();
    let mut at = 10_f64.powf((from.log10() - 1e-9).ceil());
    while at <= to * 1.000_001 {
        all.push(at);
        at *= 10.0;
    }
    all
}

/// The next of 1, 2 and 5 with zeroes.
fn nice(least: f64) -> f64 {
    let ten = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0]
        .map(|step| step * ten)
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or(10.0 * ten)
}

/// A number as short as a plot needs it.
pub fn number(number: f64) -> String {
    let (number, unit) = match number.abs() {
        size if size >= 999_500_000.0 => (number / 1e9, " G"),
        size if size >= 999_500.0 => (number / 1e6, " M"),
        size if size >= 9_999.5 => (number / 1e3, " k"),
        _ => (number, ""),
    };
    let digits = match number.abs() {
        size if size == 0.0 || size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.0995 => 2,
        _ => 4,
    };
    let text = format!("{number:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{unit}")
}

/// As text within SVG or HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::{Bar, Line, bars, lines, nice, number, tens};

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.001, "0.001"),
            (0.346, "0.35"),
            (5.0, "5"),
            (5.678, "5.68"),
            (56.78, "56.8"),
            (1024.0, "1024"),
            (10_000.0, "10 k"),
            (123_456.0, "123 k"),
            (1_000_000.0, "1 M"),
            (1e9, "1 G"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_grid_has_round_numbers() {
        assert_eq!(tens(1.0, 1000.0), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(tens(2.0, 999.0), [10.0, 100.0]);
        assert!((nice(0.3) - 0.5).abs() < 1e-12);
        assert!((nice(70.0) - 100.0).abs() < 1e-12);
    }

    #[test]
    fn the_longest_bar_fills_the_plot_and_half_of_it_is_half_as_long() {
        let bar = |name: &str, value: f64| Bar {
            name: name.into(),
            value,
            range: (value, value),
            colour: "#123",
        };
        let svg = bars("a <plot>", &[bar("one", 4.0), bar("two", 2.0)]);
        assert!(
            svg.contains("width='300.0'") && svg.contains("width='150.0'"),
            "{svg}"
        );
        assert!(svg.contains("a &lt;plot&gt;") && !svg.contains("<plot>"));
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn a_line_goes_from_one_corner_to_the_other() {
        let line = Line {
            name: "cost".into(),
            points: vec![(1.0, 1.0), (10.0, 10.0), (100.0, 100.0)],
            colour: "#123",
            dashed: false,
        };
        let svg = lines("growth", "bytes", true, &[line]);
        assert!(
            svg.contains("d='M62.0 264.0L262.0 149.0L462.0 34.0'"),
            "{svg}"
        );
    }
}
