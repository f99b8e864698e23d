//! TODO

use crate::case::cases;

cases! {}
