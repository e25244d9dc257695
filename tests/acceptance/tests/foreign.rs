//! A hundred thousand routes of others change neither the cost of a start, nor that of a commit,
//! nor memory. The exception is a commit that disturbs a link, because the kernel then walks all
//! routes.

use acceptance::{Beside, step};
use testkit::netns::isolated;

const FOREIGN: u32 = 100_000;

const TIMES: usize = 3;

/// The factor by which a cost may grow with the routes of others. A cost that depends on them grows
/// many times over.
const MOST: f64 = 2.0;

#[test]
fn routes_of_others_cost_nothing() {
    isolated(|| {
        let mut beside = Beside::new();
        let alone = beside.costs(TIMES);
        step("others add 100,000 routes");
        beside.add(FOREIGN);
        let crowded = beside.costs(TIMES);
        let mut dearer = Vec::new();
        for (alone, crowded) in alone.iter().zip(&crowded) {
            let ratio = crowded.figure / alone.figure;
            println!(
                "  {:<16} {:>12.4} {:>12.4} {ratio:>8.2}x",
                alone.of, alone.figure, crowded.figure
            );
            if ratio > MOST && !alone.walks {
                dearer.push(alone.of);
            }
        }
        assert!(dearer.is_empty(), "routes of others make these dearer: {dearer:?}");
    });
}
