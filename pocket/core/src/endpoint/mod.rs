//! Endpoints of pocket's own.

use crate::module::own::Dial;

pub(crate) mod cue;
pub(crate) mod deed;
pub(crate) mod far_end;
mod loopback;
mod null;
pub(crate) mod phone;

/// What may stand before the slash of a dial string, but for `user` and `error`,
/// which call others or nobody.
pub(crate) static ENDPOINTS: [(&str, Dial); 3] = [
    ("loopback", loopback::dial),
    ("null", null::dial),
    ("pocket", far_end::dial),
];
