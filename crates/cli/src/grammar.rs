//! What can be typed, and the same words written: lines, commands, statements of configuration, and configuration as text.
//!
//! A line is split into [`words`], and a [`cursor`] reads them. [`command`] knows the commands, [`statement`] walks
//! the schema for a line of configuration. [`render`] writes configuration as the lines that make it.

pub(crate) mod command;
pub(crate) mod cursor;
pub(crate) mod mode;
pub(crate) mod parameter;
pub(crate) mod pipe;
pub(crate) mod render;
pub(crate) mod resolution;
pub(crate) mod schema;
pub(crate) mod statement;
pub(crate) mod time;
pub(crate) mod words;
