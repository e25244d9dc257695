//! Derive of netlink attribute encoding, decoding and comparison.
//!
//! One line a field says all there is to say about an attribute:
//!
//! ```ignore
//! #[attribute(IFLA_BR_AGEING_TIME)]
//! pub ageing_time: Option<u32>,
//! ```
//!
//! Numbers are those of `crate::uapi`. Every field is an `Option` of an `attribute::Value`; `None` is left
//! out of a request. Options follow the number: `create_only` and `while_down` tell the planner what an
//! update may do; `big_endian` is the order of the bytes; `or = NUMBER` is the attribute that holds the value
//! where it is an IPv6 address; `absent = VALUE` is what the kernel means by leaving the attribute out. A
//! field without a number is compared, but goes another way than by an attribute.

mod field;

use proc_macro::TokenStream;
use quote::quote;
use syn::{DeriveInput, parse_macro_input};

use field::{Field, fields};

/// Implements `attribute::Fields` and `attribute::Attributes`.
#[proc_macro_derive(Attributes, attributes(attribute))]
pub fn derive_attributes(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input, attributes).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Implements `attribute::Fields` and `attribute::Flags`: each field is `#[flag(IFF_…)]`, or
/// `#[flag(not IFF_…)]` where the kernel's flag says the opposite.
#[proc_macro_derive(Flags, attributes(flag))]
pub fn derive_flags(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input, flags).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn expand(
    input: &DeriveInput,
    wire: fn(&DeriveInput, &[Field]) -> proc_macro2::TokenStream,
) -> syn::Result<proc_macro2::TokenStream> {
    let fields = fields(input)?;
    let comparison = comparison(input, &fields);
    let wire = wire(input, &fields);
    Ok(quote! { #comparison #wire })
}

/// What needs no knowledge of the wire.
fn comparison(input: &DeriveInput, fields: &[Field]) -> proc_macro2::TokenStream {
    let (name, names) = (&input.ident, fields.iter().map(|f| &f.ident).collect::<Vec<_>>());
    let entries = fields.iter().map(|field| {
        let Field { name, create_only, while_down, .. } = field;
        let number = match (&field.number, field.is_flag) {
            (Some(number), false) => quote!(crate::uapi::#number),
            (Some(_), true) | (None, _) => quote!(0),
        };
        quote! {
            crate::attribute::Field {
                name: #name,
                attribute: #number,
                create_only: #create_only,
                while_down: #while_down,
            }
        }
    });
    quote! {
        impl crate::attribute::Fields for #name {
            const FIELDS: &'static [crate::attribute::Field] = &[#(#entries),*];

            fn changes(&self, observed: &Self) -> Self {
                Self { #(#names: self.#names.clone().filter(|_| self.#names != observed.#names)),* }
            }

            fn overlay(&mut self, other: &Self) {
                #(if other.#names.is_some() { self.#names = other.#names.clone(); })*
            }

            fn only(&self, mask: &Self) -> Self {
                Self { #(#names: self.#names.clone().filter(|_| mask.#names.is_some())),* }
            }

            fn set(&self) -> Vec<&'static crate::attribute::Field> {
                let mut fields = Self::FIELDS.iter();
                let mut set = Vec::new();
                #(if let (Some(field), true) = (fields.next(), self.#names.is_some()) {
                    set.push(field);
                })*
                set
            }

            fn is_empty(&self) -> bool {
                true #(&& self.#names.is_none())*
            }
        }
    }
}

fn attributes(input: &DeriveInput, fields: &[Field]) -> proc_macro2::TokenStream {
    let name = &input.ident;
    let puts = fields.iter().filter_map(|field| {
        let (ident, number) = (&field.ident, field.number.as_ref()?);
        let value = match field.big_endian {
            true => quote!(&value.to_be()),
            false => quote!(value),
        };
        let number = match &field.or {
            Some(or) => quote! {
                if value.is_ipv6() { crate::uapi::#or } else { crate::uapi::#number }
            },
            None => quote!(crate::uapi::#number),
        };
        Some(quote! {
            if let Some(value) = &self.#ident {
                crate::attribute::put_value(out, #number, #value);
            }
        })
    });
    let takes = fields.iter().filter_map(|field| {
        let Field { ident, name, ty, .. } = field;
        let numbers = field.number.iter().chain(&field.or);
        let value = match field.big_endian {
            true => quote!(#ty::from_be(value)),
            false => quote!(value),
        };
        field.number.as_ref()?;
        Some(quote! {
            if false #(|| number == crate::uapi::#numbers)* {
                let value = crate::attribute::take_value::<#ty>(#name, bytes)?;
                attributes.#ident = Some(#value);
            }
        })
    });
    let absents = fields.iter().filter_map(|field| {
        let (ident, absent) = (&field.ident, field.absent.as_ref()?);
        Some(quote!(attributes.#ident.get_or_insert_with(|| #absent);))
    });
    quote! {
        impl crate::attribute::Attributes for #name {
            fn encode(&self, out: &mut Vec<u8>) {
                #(#puts)*
            }

            fn decode(bytes: &[u8]) -> Result<Self, crate::attribute::Malformed> {
                let mut attributes = Self::default();
                for attribute in crate::attribute::iterate(bytes) {
                    let (number, bytes) = attribute?;
                    #(#takes)*
                }
                #(#absents)*
                Ok(attributes)
            }
        }
    }
}

fn flags(input: &DeriveInput, fields: &[Field]) -> proc_macro2::TokenStream {
    let name = &input.ident;
    let with_number = || fields.iter().filter_map(|field| Some((field, field.number.as_ref()?)));
    let puts = with_number().map(|(Field { ident, inverted, .. }, number)| {
        quote! {
            if let Some(value) = self.#ident {
                mask |= crate::uapi::#number;
                if value != #inverted { flags |= crate::uapi::#number; }
            }
        }
    });
    let takes = with_number().map(|(Field { ident, inverted, .. }, number)| {
        quote!(#ident: Some((flags & crate::uapi::#number != 0) != #inverted))
    });
    quote! {
        impl crate::attribute::Flags for #name {
            fn encode(&self) -> (u32, u32) {
                let (mut flags, mut mask) = (0, 0);
                #(#puts)*
                (flags, mask)
            }

            fn decode(flags: u32) -> Self {
                Self { #(#takes),* }
            }
        }
    }
}
