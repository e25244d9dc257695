//! Derive of netlink attribute encoding, decoding and comparison.
//!
//! One line describes everything about an attribute:
//!
//! ```ignore
//! #[attribute(IFLA_BR_AGEING_TIME)]
//! pub ageing_time: Option<u32>,
//! ```
//!
//! Numbers and bits are constants of `crate::uapi`. A field is an `Option` of an
//! `attribute::Value`; `None` means not configured, and is left out of a request. These are the
//! possible shapes of a field:
//!
//! | a field that is | is written | its type |
//! |---|---|---|
//! | the whole value of an attribute | `NUMBER` | `Option<T>` |
//! | the same, in another attribute where it is an IPv6 address | `NUMBER, or = NUMBER6` | `Option<IpAddr>` |
//! | true by the attribute's being there (`NLA_FLAG`) | `NUMBER, presence` | `Option<bool>` |
//! | a value and its mask, an attribute each | `NUMBER, mask = MASK` | `Option<Masked<T>>`, `Option<IpNet>` |
//! | the same, for both families | `NUMBER, mask = MASK, or = NUMBER6, or_mask = MASK6` | `Option<IpNet>` |
//! | a bit of flags that are followed by a mask | `NUMBER, bit = BIT, masked` | `Option<bool>` |
//! | a bit of flags without a mask | `NUMBER, bit = BIT` | `Option<bool>` |
//! | a part of a C structure | `NUMBER, at = OFFSET` | `Option<T>`, `T: Packed` |
//! | a struct of attributes in a nested attribute | `NUMBER, nested` | `S`, which derives `Attributes` |
//! | a nested list, numbered from zero | `NUMBER` | `Option<Vec<T>>`, `BTreeSet<T>`, `BTreeMap<K, T>` |
//! | a nested list of one number | `NUMBER, element = ELEMENT` | the same, or `Option<AdditiveMap<K, V>>` |
//! | an attribute for each element | `NUMBER, repeated` | the same |
//! | configured by another way | nothing, or options only | `Option<T>` |
//! | said by each request, in another way | `plain` | any |
//!
//! These options can be added to any shape: `create_only` and `while_down` tell the planner what an
//! update may do. `absent = VALUE` is what the kernel means if it leaves the attribute out (a
//! missing `presence` is false, a missing list of `element` or `repeated` form is empty).
//! `big_endian` is the byte order of a number.
//!
//! Fields with the same number and `bit` or `at` are in one C structure. `at` is the offset in
//! bytes, zero by default. The type of the bit's constant is that of the flags. The structure ends
//! with its last field, or has the `size = BYTES` that one field states. A request contains the
//! whole structure: if a field of it changes, the change contains all fields, and those that are
//! not configured have their observed values. Flags with a mask are the exception.
//!
//! For a structure before the attributes (in a message, or in `TCA_OPTIONS`), the struct has
//! `#[attribute(header = BYTES)]`, and the fields have `header` instead of a number.
//!
//! The name of a field, in messages and in YANG, is its name in serde.

mod carrier;
mod comparison;
mod field;
mod flags;
mod packed;
mod wire;

use proc_macro::TokenStream;
use quote::quote;
use syn::{DeriveInput, parse_macro_input};

/// Implements `attribute::Fields`, `attribute::Attributes` and `attribute::Value`.
#[proc_macro_derive(Attributes, attributes(attribute))]
pub fn derive_attributes(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    attributes(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Implements `attribute::Fields` and `attribute::Flags`: each field is `#[flag(IFF_…)]`, or
/// `#[flag(not IFF_…)]` if the kernel's flag has the opposite meaning.
#[proc_macro_derive(Flags, attributes(flag))]
pub fn derive_flags(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    flags(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Implements `attribute::Packed` and `attribute::Value` for a struct with the layout of a C
/// structure: its fields are `Packed`, one after the other. `#[packed(big_endian)]` is the byte
/// order of a number. `#[packed(pad = BYTES)]` adds unused bytes after a field.
#[proc_macro_derive(Packed, attributes(packed))]
pub fn derive_packed(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    packed::packed(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn attributes(input: &DeriveInput) -> syn::Result<proc_macro2::TokenStream> {
    let fields = field::fields(input)?;
    let carriers = carrier::carriers(&fields)?;
    let header = field::header(input)?;
    if header.is_none() && carriers.iter().any(|carrier| carrier.number.is_none()) {
        let words = "a field in the header needs `#[attribute(header = SIZE)]` on the struct";
        return Err(syn::Error::new(input.ident.span(), words));
    }
    let comparison = comparison::comparison(input, &fields, &carriers);
    let wire = wire::attributes(input, &fields, &carriers, header.as_ref());
    Ok(quote! { #comparison #wire })
}

fn flags(input: &DeriveInput) -> syn::Result<proc_macro2::TokenStream> {
    let fields = field::fields(input)?;
    let comparison = comparison::comparison(input, &fields, &[]);
    let flags = flags::flags(input, &fields);
    Ok(quote! { #comparison #flags })
}
