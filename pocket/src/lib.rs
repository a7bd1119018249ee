//! The Python extension of the embedded switch.
