//! The interface to libyang: the only module of this crate with unsafe Rust.
//!
//! One thread creates, fills and compiles a context, and then leaks it. From then on it is only read. libyang
//! permits that for any number of threads: its dictionary has a lock, and its errors are stored per thread. The
//! only table that is filled lazily, the compiled patterns, is filled here before other threads use the context.
#![allow(unsafe_code, reason = "libyang is a C library; every call is argued for where it is made")]

mod constraint;
mod ipv4;
#[cfg(test)]
mod layout;
mod node;
mod validate;
mod value;

use std::ffi::{CStr, c_char};
use std::ptr;

use yang5::context::{Context as Builder, ContextFlags, EmbeddedModuleKey, EmbeddedModules};
use yang5::ffi;

pub(crate) use ipv4::Ipv4;
pub(crate) use node::{Kind, RawNode, RawType};

use crate::error::{Error, ErrorTag, Result};

/// A compiled context, never freed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context(*const ffi::ly_ctx);

// SAFETY: the context is not changed after `Context::compile`, which is what libyang asks of readers in
// several threads.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

/// A module of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawModule(*const ffi::lys_module);

// SAFETY: a module is part of its context, and is as little changed.
unsafe impl Send for RawModule {}
// SAFETY: as above.
unsafe impl Sync for RawModule {}

/// An error from libyang.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) message: String,
    /// The path of the invalid data, or of the schema node.
    pub(crate) path: Option<String>,
    pub(crate) app_tag: Option<String>,
    pub(crate) line: u64,
}

impl Context {
    /// Compiles modules, given by name and text, with all their features.
    pub(crate) fn compile(modules: &[(&'static str, &'static str)]) -> Result<Context> {
        let mut texts = EmbeddedModules::new();
        for (name, text) in modules {
            texts.insert(EmbeddedModuleKey::new(name, None, None, None), text);
        }
        let flags = ContextFlags::NO_YANGLIBRARY | ContextFlags::DISABLE_SEARCHDIRS;
        let mut builder = Builder::new(flags)
            .map_err(|error| Error::new(ErrorTag::OperationFailed, error.to_string()))?;
        // The context keeps a pointer to the texts, and is never freed.
        builder.set_embedded_modules(Box::leak(Box::new(texts)));
        let wanted: Vec<(&str, Option<&str>, &[&str])> =
            modules.iter().map(|(name, _)| (*name, None, &["*"][..])).collect();
        // Warnings are not used. If they were stored, they would accumulate.
        // SAFETY: sets a number that libyang reads atomically.
        unsafe { ffi::ly_log_level(ffi::LY_LOG_LEVEL::LY_LLERR) };
        let recorder = Recorder::start();
        let loaded = builder.load_modules(&wanted);
        let context = Context(builder.into_raw());
        let faults = recorder.finish(context);
        if let Err(error) = loaded {
            let message = match faults.is_empty() {
                true => error.to_string(),
                false => faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            };
            return Err(Error::new(ErrorTag::OperationFailed, message));
        }
        Ok(context)
    }

    /// Every module, in the order of libyang.
    pub(crate) fn modules(self) -> Vec<RawModule> {
        let mut index = 0;
        let mut modules = Vec::new();
        loop {
            // SAFETY: the context lives for ever, `index` is libyang's cursor.
            let module = unsafe { ffi::ly_ctx_get_module_iter(self.0, &mut index) };
            if module.is_null() {
                return modules;
            }
            modules.push(RawModule(module));
        }
    }
}

impl Fault {
    fn new(message: &str) -> Fault {
        Fault { message: message.to_owned(), path: None, app_tag: None, line: 0 }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{path}: ")?;
        }
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        f.write_str(self.message.trim_end())
    }
}

/// Makes libyang store all errors of this thread, and not only the last, until this value is dropped.
struct Recorder {
    /// libyang holds a pointer to it.
    options: Box<u32>,
}

impl Recorder {
    fn start() -> Recorder {
        let mut options = Box::new(ffi::LY_LOSTORE);
        // SAFETY: the pointer stays valid until `drop` takes it back.
        unsafe { ffi::ly_temp_log_options(&mut *options) };
        Recorder { options }
    }

    /// The errors of libyang since then.
    fn finish(self, context: Context) -> Vec<Fault> {
        debug_assert_eq!(*self.options, ffi::LY_LOSTORE);
        let mut faults = Vec::new();
        // SAFETY: the items are this thread's own and stay until they are cleaned below.
        unsafe {
            let mut item = ffi::ly_err_first(context.0);
            while let Some(fault) = item.as_ref() {
                if fault.level == ffi::LY_LOG_LEVEL::LY_LLERR {
                    faults.push(Fault {
                        message: text(fault.msg).unwrap_or_default().to_owned(),
                        path: text(fault.data_path).or(text(fault.schema_path)).map(str::to_owned),
                        app_tag: text(fault.apptag).map(str::to_owned),
                        line: fault.line,
                    });
                }
                item = fault.next;
            }
            ffi::ly_err_clean(context.0, ptr::null_mut());
        }
        faults
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // SAFETY: gives the thread libyang's own options back.
        unsafe { ffi::ly_temp_log_options(ptr::null_mut()) };
    }
}

/// A C text with the lifetime that the caller chooses.
///
/// # Safety
/// `pointer` is null or a NUL-terminated text that stays for `'a`.
unsafe fn text<'a>(pointer: *const c_char) -> Option<&'a str> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(pointer) }.to_str().ok()
}

/// The elements of one of libyang's sized arrays. A `LY_ARRAY_COUNT_TYPE`, a `uint64_t`, stands right before the first
/// element and counts them (`LY_ARRAY_COUNT` in `tree.h`, a macro, which the bindings cannot have).
///
/// # Safety
/// `array` is null or such an array, which stays for `'a`.
unsafe fn sized<'a, T>(array: *const T) -> &'a [T] {
    if array.is_null() {
        return &[];
    }
    // SAFETY: as the caller promises; where the count is, and its width, is pinned by a test.
    unsafe { std::slice::from_raw_parts(array, *array.cast::<u64>().sub(1) as usize) }
}
