//! The syntax of the command line: lines, commands, configuration statements, and configuration as text.
//!
//! [`words`] splits a line, and a [`cursor`] reads the words. [`command`] knows the commands, [`statement`] walks
//! the schema for a line of configuration. [`render`] writes configuration as the lines that create it.

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
