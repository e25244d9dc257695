//! Checks one value against a leaf's type, and describes the valid values in the error.

use std::ffi::c_char;
use std::fmt::Write as _;
use std::ptr;
use std::sync::Arc;

use yang5::ffi;
use yang5::ffi::LY_DATA_TYPE as Base;

use super::{Context, Kind, RawNode, Recorder, sized, text};
use crate::value::{Identity, Value, decimal64};

/// A longer text cannot be a value of a configuration. In some places, libyang counts bits in 32-bit numbers.
const LONGEST: usize = 16 << 20;

/// A text that is invalid for a type.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) app_tag: Option<String>,
}

unsafe extern "C" {
    /// From libyang's `plugins_types.h`. The bindings omit it.
    fn lyplg_type_validate_patterns(
        ctx: *const ffi::ly_ctx,
        patterns: *const *const ffi::lysc_pattern,
        text: *const c_char,
        length: u32,
        fault: *mut *mut ffi::ly_err_item,
    ) -> ffi::LY_ERR::Type;
    fn ly_err_free(fault: *mut std::ffi::c_void);
}

impl RawNode {
    /// The value of `text`, by the member of a union that accepts it. Leafrefs are not followed.
    pub(crate) fn check(self, value: &str) -> Result<Value, Refusal> {
        if value.len() > LONGEST {
            let message = format!("a value of {} bytes is too long", value.len());
            return Err(Refusal { message, app_tag: None });
        }
        if let Some(wrong) = value.chars().find(|c| !is_yang_char(*c)) {
            let message = format!("a value cannot hold the character U+{:04X}", u32::from(wrong));
            return Err(Refusal { message, app_tag: None });
        }
        let recorder = Recorder::start();
        let (mut real, mut canonical) = (ptr::null(), ptr::null());
        // SAFETY: the node is a compiled leaf or leaf-list; libyang reads `value.len()` bytes and no more.
        let answer = unsafe {
            ffi::lyd_value_validate(
                self.0,
                value.as_ptr().cast(),
                value.len() as u32,
                ptr::null(),
                &mut real,
                &mut canonical,
            )
        };
        if !matches!(answer, ffi::LY_ERR::LY_SUCCESS | ffi::LY_ERR::LY_EINCOMPLETE) {
            let faults = recorder.finish(self.context());
            let said = faults.into_iter().next();
            return Err(Refusal {
                app_tag: said.as_ref().and_then(|fault| fault.app_tag.clone()),
                message: self.explain(value, said.map(|fault| fault.message)),
            });
        }
        drop(recorder);
        // SAFETY: libyang has set both; the text is ours until it is given back to the dictionary.
        unsafe {
            let taken = typed(real, text(canonical).unwrap_or_default());
            ffi::lydict_remove(self.context().0, canonical);
            Ok(taken)
        }
    }

    /// The values of `default`.
    pub(crate) fn defaults(self) -> Vec<Value> {
        let one = |default: &ffi::lysc_value| {
            let (mut real, mut canonical) = (ptr::null(), ptr::null());
            // SAFETY: the default is the node's own; libyang sets both where it accepts it, and the text is ours
            // until it is given back to the dictionary.
            unsafe {
                let answer = ffi::lyd_value_validate_dflt(
                    self.0,
                    default.str_,
                    default.prefixes,
                    ptr::null(),
                    &mut real,
                    &mut canonical,
                );
                if !matches!(answer, ffi::LY_ERR::LY_SUCCESS | ffi::LY_ERR::LY_EINCOMPLETE) {
                    return None;
                }
                let value = typed(real, text(canonical).unwrap_or_default());
                ffi::lydict_remove(self.context().0, canonical);
                Some(value)
            }
        };
        // SAFETY: a node of that kind is such a structure, and its defaults live as long as it.
        unsafe {
            match self.kind() {
                Kind::Leaf => {
                    let default = &(*self.0.cast::<ffi::lysc_node_leaf>()).dflt;
                    (!default.str_.is_null()).then(|| one(default)).flatten().into_iter().collect()
                }
                Kind::LeafList => {
                    let defaults = (*self.0.cast::<ffi::lysc_node_leaflist>()).dflts;
                    sized(defaults).iter().filter_map(one).collect()
                }
                Kind::Container { .. } | Kind::List | Kind::Any | Kind::Other => Vec::new(),
            }
        }
    }

    /// Why `value` is invalid: the values that each member of the type would accept.
    fn explain(self, value: &str, said: Option<String>) -> String {
        let mut shown = String::new();
        for c in value.chars().take(80) {
            shown.push(c);
        }
        if shown.len() < value.len() {
            shown.push('…');
        }
        let leaf = self.0.cast::<ffi::lysc_node_leaf>();
        let mut wanted = Wanted { value, ..Wanted::default() };
        // SAFETY: only leaves and leaf-lists are checked.
        unsafe { wanted.collect(self.context(), (*leaf).type_) };
        let mut message = format!("\"{shown}\"");
        match (&wanted.messages[..], &wanted.forms[..]) {
            ([], []) => match said {
                Some(said) => return said.trim_end().to_owned(),
                None => message.push_str(" is not a value of this type"),
            },
            ([], forms) => {
                let _ = write!(message, " is not {}", either(forms));
            }
            (messages, _) => {
                let _ = write!(message, ": {}", messages.join("; "));
            }
        }
        message
    }

    /// Fills libyang's table of compiled patterns, which is not locked, with those of this leaf's type.
    pub(crate) fn warm(self) {
        let leaf = self.0.cast::<ffi::lysc_node_leaf>();
        // SAFETY: called on leaves and leaf-lists only, before any other thread knows the context.
        unsafe {
            each_pattern((*leaf).type_, &mut |pattern| _ = matches(self.context(), pattern, ""))
        }
    }
}

/// RFC 7950 section 14, `yang-char`.
fn is_yang_char(c: char) -> bool {
    match u32::from(c) {
        0x9 | 0xA | 0xD => true,
        0..0x20 | 0xFDD0..=0xFDEF => false,
        point => point & 0xFFFE != 0xFFFE,
    }
}

/// # Safety
/// `real` is a compiled type.
unsafe fn typed(real: *const ffi::lysc_type, canonical: &str) -> Value {
    let text = || Arc::from(canonical);
    // libyang has just printed the number, so that it parses.
    let signed = || canonical.parse().unwrap_or_default();
    let unsigned = || canonical.parse().unwrap_or_default();
    // SAFETY: as the caller promises; the structure is the one that the base type names.
    match unsafe { (*real).basetype } {
        Base::LY_TYPE_BINARY => Value::Binary(text()),
        Base::LY_TYPE_BITS => Value::Bits(text()),
        Base::LY_TYPE_BOOL => Value::Boolean(canonical == "true"),
        Base::LY_TYPE_DEC64 => Value::Decimal64(text()),
        Base::LY_TYPE_EMPTY => Value::Empty,
        Base::LY_TYPE_ENUM => {
            // SAFETY: as above.
            let names = unsafe { sized((*real.cast::<ffi::lysc_type_enum>()).enums) }.iter();
            let number = names
                // SAFETY: an enum's name is a text of the type, and its number is set.
                .map(|name| unsafe { (super::text(name.name), name.__bindgen_anon_1.value) })
                .find(|(name, _)| *name == Some(canonical))
                .map(|(_, number)| number);
            Value::Enumeration(text(), number.unwrap_or_default())
        }
        Base::LY_TYPE_IDENT => {
            let (module, name) = canonical.split_once(':').unwrap_or(("", canonical));
            let (module, name) = (module.to_owned(), name.to_owned());
            Value::Identity(Arc::new(Identity { module, name }))
        }
        Base::LY_TYPE_INST => Value::InstanceIdentifier(text()),
        Base::LY_TYPE_INT8 | Base::LY_TYPE_INT16 | Base::LY_TYPE_INT32 => Value::Integer(signed()),
        Base::LY_TYPE_INT64 => Value::Integer64(signed()),
        Base::LY_TYPE_UINT8 | Base::LY_TYPE_UINT16 | Base::LY_TYPE_UINT32 => {
            Value::Unsigned(unsigned())
        }
        Base::LY_TYPE_UINT64 => Value::Unsigned64(unsigned()),
        _ => Value::String(text()),
    }
}

/// The values that a type would accept.
#[derive(Default)]
struct Wanted<'a> {
    value: &'a str,
    /// The schema's own error message.
    messages: Vec<String>,
    /// Descriptions that follow "is not".
    forms: Vec<String>,
}

impl Wanted<'_> {
    fn message(&mut self, message: &str) {
        if !self.messages.iter().any(|known| known == message) {
            self.messages.push(message.to_owned());
        }
    }

    fn form(&mut self, form: String) {
        if !self.forms.contains(&form) {
            self.forms.push(form);
        }
    }

    /// # Safety
    /// `pointer` is a compiled type of the context.
    unsafe fn collect(&mut self, context: Context, pointer: *const ffi::lysc_type) {
        // SAFETY: the structure behind the pointer is the one that the base type names.
        unsafe {
            let name = text((*pointer).name);
            match (*pointer).basetype {
                Base::LY_TYPE_UNION => {
                    for member in sized((*pointer.cast::<ffi::lysc_type_union>()).types) {
                        self.collect(context, *member);
                    }
                }
                Base::LY_TYPE_LEAFREF => {
                    self.collect(context, (*pointer.cast::<ffi::lysc_type_leafref>()).realtype);
                }
                Base::LY_TYPE_ENUM => {
                    let names = sized((*pointer.cast::<ffi::lysc_type_enum>()).enums).iter();
                    names
                        .for_each(|name| self.form(text(name.name).unwrap_or_default().to_owned()));
                }
                Base::LY_TYPE_IDENT => {
                    let bases = sized((*pointer.cast::<ffi::lysc_type_identityref>()).bases);
                    for (_, identity) in super::node::identities(bases) {
                        self.form(identity.to_owned());
                    }
                }
                Base::LY_TYPE_BOOL => {
                    self.form("true".into());
                    self.form("false".into());
                }
                Base::LY_TYPE_EMPTY => self.form("empty (the node takes no value)".into()),
                Base::LY_TYPE_BINARY => self.form("base64".into()),
                Base::LY_TYPE_BITS => {
                    let bits = sized((*pointer.cast::<ffi::lysc_type_bits>()).bits).iter();
                    let bits: Vec<_> = bits.filter_map(|bit| text(bit.name)).collect();
                    self.form(format!("a list of {}", bits.join(", ")));
                }
                Base::LY_TYPE_INST => self.form("the path of an instance".into()),
                Base::LY_TYPE_DEC64 => {
                    let decimal = &*pointer.cast::<ffi::lysc_type_dec>();
                    if let Some(message) = decimal.range.as_ref().and_then(|r| text(r.emsg)) {
                        self.message(message);
                    }
                    let read = super::node::read_type(pointer, &mut std::iter::empty());
                    if let super::RawType::Decimal64 { digits, ranges } = read {
                        let shown = |number| decimal64(number, digits);
                        let ranges: Vec<_> = ranges
                            .iter()
                            .map(|(low, high)| range(&(shown(*low), shown(*high))))
                            .collect();
                        self.form(format!(
                            "a number in {} with up to {digits} fraction digits",
                            ranges.join(", ")
                        ));
                    }
                }
                Base::LY_TYPE_STRING => {
                    let string = &*pointer.cast::<ffi::lysc_type_str>();
                    self.string(context, name, string);
                }
                _ => {
                    let range = (*pointer.cast::<ffi::lysc_type_num>()).range.as_ref();
                    let number = self.value.trim().parse::<i128>().is_ok();
                    match range.and_then(|range| text(range.emsg)).filter(|_| number) {
                        Some(message) => self.message(message),
                        None => self.form(whole_number(pointer)),
                    }
                }
            }
        }
    }

    /// # Safety
    /// `string` is a compiled string type of the context.
    unsafe fn string(&mut self, context: Context, name: Option<&str>, string: &ffi::lysc_type_str) {
        // SAFETY: as the caller promises.
        unsafe {
            let count = self.value.chars().count() as u64;
            if let Some(length) = string.length.as_ref() {
                let parts = sized(length.parts)
                    .iter()
                    .map(|part| (part.__bindgen_anon_1.min_u64, part.__bindgen_anon_2.max_u64));
                if !parts.clone().any(|(low, high)| (low..=high).contains(&count)) {
                    match text(length.emsg) {
                        Some(message) => self.message(message),
                        None => {
                            let parts: Vec<_> = parts.map(|part| range(&part)).collect();
                            self.form(format!(
                                "{} characters long (it has {count})",
                                parts.join(" or ")
                            ));
                        }
                    }
                    return;
                }
            }
            for pattern in sized(string.patterns) {
                let inverted = (**pattern)._bitfield_1.get(0, 1) == 1;
                if matches(context, *pattern, self.value) {
                    continue;
                }
                match (text((**pattern).emsg), name) {
                    (Some(message), _) => self.message(message),
                    (None, Some(name)) => self.form(format!("{} {name}", article(name))),
                    (None, None) => {
                        let expression = text((**pattern).expr).unwrap_or_default();
                        let what = if inverted { "free of" } else { "of the form" };
                        self.form(format!("{what} {expression}"));
                    }
                }
                return;
            }
            // All restrictions are satisfied, so libyang's built-in check of the typedef refuses it.
            if let Some(name) = name {
                self.form(format!("{} {name}", article(name)));
            }
        }
    }
}

/// # Safety
/// `pointer` is a compiled integer type.
unsafe fn whole_number(pointer: *const ffi::lysc_type) -> String {
    // SAFETY: as the caller promises; a leafref cannot occur.
    let read = unsafe { super::node::read_type(pointer, &mut std::iter::empty()) };
    let super::RawType::Integer { ranges, .. } = read else { return "a number".into() };
    let ranges: Vec<_> = ranges.iter().map(range).collect();
    format!("a number in {}", ranges.join(", "))
}

fn range<T: PartialEq + std::fmt::Display>((low, high): &(T, T)) -> String {
    if low == high { low.to_string() } else { format!("{low}..{high}") }
}

fn article(name: &str) -> &'static str {
    if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" }
}

fn either(forms: &[String]) -> String {
    match forms {
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
        [] => String::new(),
    }
}

/// # Safety
/// `pointer` is a compiled type.
unsafe fn each_pattern(
    pointer: *const ffi::lysc_type,
    visit: &mut dyn FnMut(*const ffi::lysc_pattern),
) {
    // SAFETY: the structure behind the pointer is the one that the base type names.
    unsafe {
        match (*pointer).basetype {
            Base::LY_TYPE_UNION => {
                for member in sized((*pointer.cast::<ffi::lysc_type_union>()).types) {
                    each_pattern(*member, visit);
                }
            }
            Base::LY_TYPE_LEAFREF => {
                each_pattern((*pointer.cast::<ffi::lysc_type_leafref>()).realtype, visit);
            }
            Base::LY_TYPE_STRING => {
                for pattern in sized((*pointer.cast::<ffi::lysc_type_str>()).patterns) {
                    visit(*pattern);
                }
            }
            _ => {}
        }
    }
}

/// Whether `value` matches the pattern, which may be inverted.
///
/// # Safety
/// `pattern` is of the context.
pub(super) unsafe fn matches(
    context: Context,
    pattern: *const ffi::lysc_pattern,
    value: &str,
) -> bool {
    /// A sized array with one element, in the layout that [`sized`] reads.
    #[repr(C)]
    struct One {
        count: u64,
        pattern: *const ffi::lysc_pattern,
    }
    let one = One { count: 1, pattern };
    let mut fault = ptr::null_mut();
    // SAFETY: libyang reads the count before the element; the whole of `one` is lent through its address.
    unsafe {
        let element = (&raw const one).byte_add(std::mem::offset_of!(One, pattern)).cast();
        let length = value.len() as u32;
        let answer = lyplg_type_validate_patterns(
            context.0,
            element,
            value.as_ptr().cast(),
            length,
            &mut fault,
        );
        if !fault.is_null() {
            ly_err_free(fault.cast());
        }
        answer == ffi::LY_ERR::LY_SUCCESS
    }
}
