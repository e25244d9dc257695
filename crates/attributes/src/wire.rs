//! `attribute::Attributes`: how each shape of a field is written and read.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Expr};

use crate::carrier::Carrier;
use crate::field::{Field, Shape};

/// Implements `attribute::Attributes`, and `attribute::Value` for the struct as an element or a nested value.
pub(crate) fn attributes(
    input: &DeriveInput,
    fields: &[Field],
    carriers: &[Carrier<'_>],
    header: Option<&Expr>,
) -> TokenStream {
    let name = &input.ident;
    let size = header.map_or(quote!(0), |size| quote!(#size));
    let head = carriers.iter().find(|carrier| carrier.number.is_none());
    let put_header = header.is_some().then(|| {
        let puts = head.map(Carrier::puts);
        quote! {
            let start = out.len();
            out.resize(start + Self::HEADER, 0);
            #puts
        }
    });
    let take_header = head.map(|carrier| {
        let takes = carrier.takes();
        quote! {
            fn read_header(&mut self, bytes: &[u8]) -> Result<(), crate::attribute::Malformed> {
                #takes
                Ok(())
            }
        }
    });
    // The fields of a structure are written at the place of the first one.
    let puts = fields.iter().filter_map(|field| {
        let starts = |carrier: &&Carrier<'_>| carrier.parts[0].0.ident == field.ident;
        match field.part() {
            Some(_) => carriers.iter().find(starts).and_then(put_carrier),
            None => put(field),
        }
    });
    let own = fields.iter().filter_map(take);
    let shared = carriers.iter().filter_map(|carrier| {
        let (number, takes) = (carrier.number?, carrier.takes());
        Some(quote!(crate::uapi::#number => { #takes }))
    });
    let arms: Vec<TokenStream> = own.chain(shared).collect();
    let read = (!arms.is_empty()).then(|| {
        quote! {
            fn read(&mut self, number: u16, bytes: &[u8]) -> Result<(), crate::attribute::Malformed> {
                match number {
                    #(#arms)*
                    _ => {}
                }
                Ok(())
            }
        }
    });
    let absents = fields.iter().filter_map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        match (&field.shape, &field.absent) {
            (Shape::Nested { .. }, _) => {
                Some(quote!(crate::attribute::Attributes::fill_absent(&mut self.#ident);))
            }
            (Shape::Presence { .. }, None) => Some(quote!(self.#ident.get_or_insert(false);)),
            (Shape::List { .. } | Shape::Repeated { .. }, None) => {
                Some(quote!(self.#ident.get_or_insert_with(<#ty>::default);))
            }
            (_, Some(absent)) => Some(quote!(self.#ident.get_or_insert_with(|| #absent);)),
            (_, None) => None,
        }
    });
    quote! {
        impl crate::attribute::Attributes for #name {
            const HEADER: usize = #size;

            fn encode(&self, out: &mut Vec<u8>) {
                #put_header
                #(#puts)*
            }

            #take_header

            #read

            fn fill_absent(&mut self) {
                #(#absents)*
            }
        }

        impl crate::attribute::Value for #name {
            fn put(&self, out: &mut Vec<u8>) {
                crate::attribute::Attributes::encode(self, out);
            }

            fn take(bytes: &[u8]) -> Option<Self> {
                <Self as crate::attribute::Attributes>::decode(bytes).ok()
            }

            fn change(&self, observed: Option<&Self>) -> Option<Self> {
                let Some(observed) = observed else { return Some(self.clone()) };
                let changes = crate::attribute::Fields::changes(self, observed);
                (!crate::attribute::Fields::is_empty(&changes)).then_some(changes)
            }

            fn merge(&mut self, other: &Self) {
                crate::attribute::Fields::overlay(self, other);
            }
        }
    }
}

fn put(field: &Field) -> Option<TokenStream> {
    let ident = &field.ident;
    let native = |value: TokenStream| match field.big_endian {
        true => quote!(&#value.to_be()),
        false => quote!(&#value),
    };
    Some(match &field.shape {
        Shape::Apart | Shape::Plain | Shape::Flag(_) | Shape::Part(_) => return None,
        Shape::Whole { number, or } => {
            let value = native(quote!((*value)));
            let number = match or {
                Some(or) => quote! {
                    if value.is_ipv6() { crate::uapi::#or } else { crate::uapi::#number }
                },
                None => quote!(crate::uapi::#number),
            };
            quote! {
                if let Some(value) = &self.#ident {
                    crate::attribute::put_value(out, #number, #value);
                }
            }
        }
        Shape::Presence { number } => quote! {
            if self.#ident == Some(true) {
                crate::attribute::put(out, crate::uapi::#number, |_| ());
            }
        },
        Shape::Masked { number, mask, or } => {
            let (value, mask_value) = (native(quote!(value)), native(quote!(mask)));
            let numbers = match or {
                Some((or, or_mask)) => quote! {
                    if value.is_ipv6() {
                        (crate::uapi::#or, crate::uapi::#or_mask)
                    } else {
                        (crate::uapi::#number, crate::uapi::#mask)
                    }
                },
                None => quote!((crate::uapi::#number, crate::uapi::#mask)),
            };
            quote! {
                if let Some(whole) = &self.#ident {
                    let (value, mask) = crate::attribute::MaskedValue::parts(whole);
                    let (number, mask_number) = #numbers;
                    crate::attribute::put_value(out, number, #value);
                    crate::attribute::put_value(out, mask_number, #mask_value);
                }
            }
        }
        Shape::List { number, element } => quote! {
            if let Some(list) = &self.#ident {
                crate::attribute::put_nested(out, crate::uapi::#number, |out| {
                    crate::attribute::List::put_elements(list, out, |_| crate::uapi::#element);
                });
            }
        },
        Shape::Repeated { number } => quote! {
            if let Some(list) = &self.#ident {
                crate::attribute::List::put_elements(list, out, |_| crate::uapi::#number);
            }
        },
        Shape::Nested { number } => quote! {
            if !crate::attribute::Fields::is_empty(&self.#ident) {
                crate::attribute::put_nested(out, crate::uapi::#number, |out| {
                    crate::attribute::Attributes::encode(&self.#ident, out);
                });
            }
        },
    })
}

fn put_carrier(carrier: &Carrier<'_>) -> Option<TokenStream> {
    let (number, size, puts) = (carrier.number?, carrier.size(), carrier.puts());
    let idents = carrier.parts.iter().map(|(field, _)| &field.ident);
    Some(quote! {
        if false #(|| self.#idents.is_some())* {
            crate::attribute::put(out, crate::uapi::#number, |out| {
                const SIZE: usize = #size;
                let start = out.len();
                out.resize(start + SIZE, 0);
                #puts
            });
        }
    })
}

/// The match arm that reads the attributes of a field which shares none.
fn take(field: &Field) -> Option<TokenStream> {
    let Field { ident, name, ty, .. } = field;
    let native = |ty: TokenStream| match field.big_endian {
        true => quote!(#ty::from_be(value)),
        false => quote!(value),
    };
    Some(match &field.shape {
        Shape::Apart | Shape::Plain | Shape::Flag(_) | Shape::Part(_) => return None,
        Shape::Whole { number, or } => {
            let value = native(quote!(<#ty>));
            let or = or.iter();
            quote! {
                crate::uapi::#number #(| crate::uapi::#or)* => {
                    let value = crate::attribute::take_value::<#ty>(#name, bytes)?;
                    self.#ident = Some(#value);
                }
            }
        }
        Shape::Presence { number } => quote! {
            crate::uapi::#number => self.#ident = Some(true),
        },
        Shape::Masked { number, mask, or } => {
            let part = quote!(<#ty as crate::attribute::MaskedValue>::Part);
            let value = native(quote!(<#part>));
            let (or, or_mask) = (or.iter().map(|or| &or.0), or.iter().map(|or| &or.1));
            quote! {
                crate::uapi::#number #(| crate::uapi::#or)* => {
                    let value = crate::attribute::take_value::<#part>(#name, bytes)?;
                    crate::attribute::MaskedValue::set_value(&mut self.#ident, #value)
                        .ok_or(crate::attribute::Malformed { field: #name })?;
                }
                crate::uapi::#mask #(| crate::uapi::#or_mask)* => {
                    let value = crate::attribute::take_value::<#part>(#name, bytes)?;
                    crate::attribute::MaskedValue::set_mask(&mut self.#ident, #value)
                        .ok_or(crate::attribute::Malformed { field: #name })?;
                }
            }
        }
        Shape::List { number, .. } => quote! {
            crate::uapi::#number => {
                self.#ident = Some(crate::attribute::take_value::<#ty>(#name, bytes)?);
            }
        },
        Shape::Repeated { number } => quote! {
            crate::uapi::#number => {
                let list = self.#ident.get_or_insert_with(<#ty>::default);
                crate::attribute::List::take_element(list, bytes)
                    .ok_or(crate::attribute::Malformed { field: #name })?;
            }
        },
        Shape::Nested { number } => quote! {
            crate::uapi::#number => {
                self.#ident = <#ty as crate::attribute::Attributes>::decode(bytes)?;
            }
        },
    })
}
