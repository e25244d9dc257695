//! Validates a whole tree.

use std::ffi::CString;
use std::ptr;

use yang5::ffi;

use super::{Context, Fault, Recorder};

impl Context {
    /// The errors of a configuration, which is given as JSON whose values are valid for their types.
    pub(crate) fn validate(self, json: String) -> Vec<Fault> {
        let Ok(json) = CString::new(json) else {
            // Writers of JSON escape it.
            return vec![Fault::new("a NUL character")];
        };
        let recorder = Recorder::start();
        // SAFETY: the text ends with NUL; the tree is ours until it is freed here.
        let answer = unsafe {
            let mut tree = ptr::null_mut();
            let parse = ffi::LYD_PARSE_ONLY | ffi::LYD_PARSE_STRICT;
            let format = ffi::LYD_FORMAT::LYD_JSON;
            let mut answer =
                ffi::lyd_parse_data_mem(self.0, json.as_ptr(), format, parse, 0, &mut tree);
            if answer == ffi::LY_ERR::LY_SUCCESS {
                let check = ffi::LYD_VALIDATE_NO_STATE | ffi::LYD_VALIDATE_MULTI_ERROR;
                answer = ffi::lyd_validate_all(&mut tree, self.0, check, ptr::null_mut());
            }
            ffi::lyd_free_all(tree);
            answer
        };
        let faults = recorder.finish(self);
        match (answer, faults.is_empty()) {
            (ffi::LY_ERR::LY_SUCCESS, _) => Vec::new(),
            (_, false) => faults,
            (_, true) => vec![Fault::new("libyang refuses the configuration without a reason")],
        }
    }
}

#[cfg(test)]
impl Context {
    /// The data that libyang reads, printed by libyang as JSON and XML.
    pub(crate) fn reprint(self, text: &str, xml: bool) -> (String, String) {
        use std::ffi::CStr;

        use yang5::ffi::LYD_FORMAT::{LYD_JSON, LYD_XML};

        let text = CString::new(text).unwrap();
        let format = if xml { LYD_XML } else { LYD_JSON };
        let parse = ffi::LYD_PARSE_ONLY | ffi::LYD_PARSE_STRICT;
        let recorder = Recorder::start();
        // SAFETY: the text ends with NUL; the tree and what is printed are freed here.
        unsafe {
            let mut tree = ptr::null_mut();
            ffi::lyd_parse_data_mem(self.0, text.as_ptr(), format, parse, 0, &mut tree);
            let [json, xml] = [LYD_JSON, LYD_XML].map(|format| {
                let mut printed = ptr::null_mut();
                ffi::lyd_print_mem(&mut printed, tree, format, ffi::LYD_PRINT_SIBLINGS);
                if printed.is_null() {
                    return String::new();
                }
                let text = CStr::from_ptr(printed).to_str().unwrap().to_owned();
                ffi::free(printed.cast());
                text
            });
            ffi::lyd_free_all(tree);
            let faults = recorder.finish(self);
            assert!(faults.is_empty(), "{faults:?}");
            (if json.is_empty() { "{}".into() } else { json }, xml)
        }
    }
}
