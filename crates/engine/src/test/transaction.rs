//! Transactions: at once, until they are confirmed, and at their time.

mod commit;
mod confirmed;
mod scheduled;

use super::*;
