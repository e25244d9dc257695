//! `attribute::Flags`: a message header's flags with the mask of those that are set.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::field::{Bit, Field};

/// Implements `attribute::Flags`.
pub(crate) fn flags(input: &DeriveInput, fields: &[Field]) -> TokenStream {
    let name = &input.ident;
    let bits: Vec<(&Field, &Bit)> =
        fields.iter().filter_map(|field| Some((field, field.flag()?))).collect();
    let puts = bits.iter().map(|(Field { ident, .. }, Bit { ident: number, inverted })| {
        quote! {
            if let Some(value) = self.#ident {
                mask |= crate::uapi::#number;
                if value != #inverted { flags |= crate::uapi::#number; }
            }
        }
    });
    let takes = bits.iter().map(|(Field { ident, .. }, Bit { ident: number, inverted })| {
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
