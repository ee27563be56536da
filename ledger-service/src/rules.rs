//! What holds whoever asks and however it is stored: pure rules, without SQL, HTTP, waiting or a clock.

pub(crate) mod access;
