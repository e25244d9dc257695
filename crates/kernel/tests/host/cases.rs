//! The test scripts of the fake kernel, on Linux.

use kernel::Kernel;
use testkit::KERNEL_CASES;
use testkit::netns::isolated;

#[test]
fn linux_passes() {
    for case in KERNEL_CASES {
        println!("{}", case.title);
        isolated(|| case.run(&mut Kernel::open().unwrap()));
    }
}
