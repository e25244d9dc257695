//! The code that does not depend on the encoding: `attribute::Fields`, and the comparison of the
//! struct as a value.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DeriveInput, Ident};

use crate::carrier::Carrier;
use crate::field::{Comparison, Field};

/// Implements `attribute::Fields`.
pub(crate) fn comparison(
    input: &DeriveInput,
    fields: &[Field],
    carriers: &[Carrier<'_>],
) -> TokenStream {
    let name = &input.ident;
    let entries = fields.iter().filter_map(entry);
    let together = carriers.iter().enumerate().filter(|(_, carrier)| !carrier.is_masked());
    let together: Vec<(Ident, &Carrier<'_>)> =
        together.map(|(at, carrier)| (format_ident!("carrier_{at}"), carrier)).collect();
    let differs = together.iter().map(|(differs, carrier)| {
        let fields = carrier.parts.iter().map(|(field, _)| &field.ident);
        quote! {
            let #differs = false #(|| crate::attribute::change(&self.#fields, &observed.#fields).is_some())*;
        }
    });
    let changes = fields.iter().map(|field| {
        let ident = &field.ident;
        let shared = together
            .iter()
            .find(|(_, carrier)| carrier.parts.iter().any(|(part, _)| part.ident == field.ident));
        match (field.comparison(), shared) {
            (Comparison::Plain, _) => quote!(#ident: self.#ident.clone()),
            (Comparison::Nested, _) => {
                quote!(#ident: crate::attribute::Fields::changes(&self.#ident, &observed.#ident))
            }
            (Comparison::Value, Some((differs, _))) => quote! {
                #ident: if #differs {
                    self.#ident.clone().or_else(|| observed.#ident.clone())
                } else {
                    None
                }
            },
            (Comparison::Value, None) => {
                quote!(#ident: crate::attribute::change(&self.#ident, &observed.#ident))
            }
        }
    });
    let overlays = fields.iter().map(|field| {
        let ident = &field.ident;
        match field.comparison() {
            Comparison::Plain => quote!(self.#ident = other.#ident.clone();),
            Comparison::Nested => {
                quote!(crate::attribute::Fields::overlay(&mut self.#ident, &other.#ident);)
            }
            Comparison::Value => {
                quote!(crate::attribute::overlay(&mut self.#ident, &other.#ident);)
            }
        }
    });
    let masks = fields.iter().map(|field| {
        let ident = &field.ident;
        match field.comparison() {
            Comparison::Plain => quote!(#ident: self.#ident.clone()),
            Comparison::Nested => {
                quote!(#ident: crate::attribute::Fields::only(&self.#ident, &mask.#ident))
            }
            Comparison::Value => {
                quote!(#ident: self.#ident.clone().filter(|_| mask.#ident.is_some()))
            }
        }
    });
    let of_creation = fields.iter().map(|field| {
        let ident = &field.ident;
        match (field.comparison(), field.create_only) {
            (Comparison::Plain, _) | (Comparison::Value, true) => {
                quote!(#ident: self.#ident.clone())
            }
            (Comparison::Nested, _) => {
                quote!(#ident: crate::attribute::Fields::of_creation(&self.#ident))
            }
            (Comparison::Value, false) => quote!(#ident: None),
        }
    });
    let changeables = fields.iter().map(|field| {
        let ident = &field.ident;
        match (field.comparison(), field.create_only) {
            (Comparison::Nested, _) => {
                quote!(#ident: crate::attribute::Fields::changeable(&self.#ident))
            }
            (Comparison::Value, true) => quote!(#ident: None),
            (Comparison::Plain, _) | (Comparison::Value, false) => {
                quote!(#ident: self.#ident.clone())
            }
        }
    });
    let sets = fields.iter().map(|field| {
        let ident = &field.ident;
        match field.comparison() {
            Comparison::Plain => quote!(),
            Comparison::Nested => quote! {
                fields.next();
                set.extend(crate::attribute::Fields::set(&self.#ident));
            },
            Comparison::Value => quote! {
                if let (Some(field), true) = (fields.next(), self.#ident.is_some()) {
                    set.push(field);
                }
            },
        }
    });
    let empty = fields.iter().map(|field| {
        let ident = &field.ident;
        match field.comparison() {
            Comparison::Plain => quote!(),
            Comparison::Nested => quote!(&& crate::attribute::Fields::is_empty(&self.#ident)),
            Comparison::Value => quote!(&& self.#ident.is_none()),
        }
    });
    quote! {
        impl crate::attribute::Fields for #name {
            const FIELDS: &'static [crate::attribute::Field] = &[#(#entries),*];

            fn changes(&self, observed: &Self) -> Self {
                #(#differs)*
                Self { #(#changes),* }
            }

            fn overlay(&mut self, other: &Self) {
                #(#overlays)*
            }

            fn only(&self, mask: &Self) -> Self {
                Self { #(#masks),* }
            }

            fn of_creation(&self) -> Self {
                Self { #(#of_creation),* }
            }

            fn changeable(&self) -> Self {
                Self { #(#changeables),* }
            }

            fn set(&self) -> Vec<&'static crate::attribute::Field> {
                let mut fields = Self::FIELDS.iter();
                let mut set = Vec::new();
                #(#sets)*
                set
            }

            fn is_empty(&self) -> bool {
                true #(#empty)*
            }
        }
    }
}

/// What the planner knows of a field. A plain field is part of each request.
fn entry(field: &Field) -> Option<TokenStream> {
    let Field { name, create_only, while_down, ty, .. } = field;
    let number = field.number().map_or(quote!(0), |number| quote!(crate::uapi::#number));
    let nested = match field.comparison() {
        Comparison::Plain => return None,
        Comparison::Nested => quote!(<#ty as crate::attribute::Fields>::FIELDS),
        Comparison::Value => quote!(&[]),
    };
    Some(quote! {
        crate::attribute::Field {
            name: #name,
            attribute: #number,
            create_only: #create_only,
            while_down: #while_down,
            nested: #nested,
        }
    })
}
